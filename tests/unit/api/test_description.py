"""What holds for every path, read from the API's own description."""

import json
from typing import Any

import yaml

from api.currency import BASE_CURRENCY
from api.documentation import openapi, register_routes
from api.scopes import PERSONAL
from localcloud.settings import PROJECT
from tests.unit.loaders.test_start import modules_after

register_routes()
DESCRIPTION: dict[str, Any] = json.loads(openapi())
OPERATIONS = [
    (path, method, operation)
    for path, operations in DESCRIPTION["paths"].items()
    for method, operation in operations.items()
]


def test_every_path_names_its_scopes_its_refusals_and_what_it_does() -> None:
    assert len(OPERATIONS) >= 12
    for path, method, operation in OPERATIONS:
        assert "Needs the scope `" in operation["description"], path
        # Without a docstring the resolver would put the method and the path there.
        assert not operation["summary"].startswith(method.upper()), path
        assert operation["security"] == [{"key": []}], path
        assert {"401", "403", "422", "429", "503"} <= set(operation["responses"]), path


def test_every_list_has_a_limit_and_a_cursor() -> None:
    for path, _, operation in OPERATIONS:
        names = {parameter["name"] for parameter in operation.get("parameters", [])}
        assert ("limit" in names) == ("cursor" in names), path


def test_every_personal_field_is_one_that_an_answer_may_leave_out() -> None:
    schemas = DESCRIPTION["components"]["schemas"].values()
    holding = [schema for schema in schemas if set(schema.get("properties", {})) & {*PERSONAL, "raw"}]
    assert len(holding) >= 5
    for schema in holding:
        assert not set(schema.get("required", [])) & {*PERSONAL, "raw"}


def test_no_parameter_may_be_null() -> None:
    for path, _, operation in OPERATIONS:
        for parameter in operation.get("parameters", []):
            assert "anyOf" not in parameter["schema"], (path, parameter["name"])


def test_the_base_currency_is_that_of_the_marts() -> None:
    assert yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]["base_currency"] == BASE_CURRENCY


def test_starting_imports_nothing_that_only_loaders_need() -> None:
    modules = modules_after("import api.handler")
    assert not modules & {"awswrangler", "pandas", "numpy", "pyarrow", "boto3"}
    assert "boto3" not in modules_after("import api.authorizer")


def test_an_operator_needs_no_packages_of_the_functions_to_make_a_key() -> None:
    assert not modules_after("import xtage.key") & {"aws_lambda_powertools", "pydantic"}
