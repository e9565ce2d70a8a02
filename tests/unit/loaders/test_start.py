"""Starting costs what is used: the seconds of a start are a Lambda's cold start and the operator's wait."""

import json
import subprocess
import sys

LOADED = "; import json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(statement: str) -> set[str]:
    """The modules that a fresh process holds after a statement."""
    command = [sys.executable, "-c", statement + LOADED]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return set(json.loads(answer.stdout))


def test_loading_over_a_given_connection_imports_neither_pandas_nor_boto3() -> None:
    modules = modules_after(
        "import loaders.load.rds, loaders.parse; from loaders.contract import load_contracts; load_contracts()"
    )
    assert not modules & {"awswrangler", "pandas", "numpy", "pyarrow", "boto3"}


def test_the_functions_start_without_what_only_some_invocations_use() -> None:
    assert not modules_after("import loaders.handler") & {"awswrangler", "pandas", "numpy", "pyarrow"}


def test_parsing_imports_no_driver_and_no_model_of_contracts() -> None:
    modules = modules_after("import loaders.parse, loaders.contract")
    assert not modules & {"awswrangler", "pandas", "pyarrow", "boto3", "botocore", "pg8000", "pydantic"}


def test_figures_cost_a_start_nothing_beyond_the_log() -> None:
    with_log = modules_after("import loaders.load.rds, loaders.runs; from aws_lambda_powertools import Logger")
    assert modules_after("import loaders.reporting") - with_log == {
        *("loaders.metrics", "loaders.notices", "loaders.reporting", "loaders.timeliness"),
    }
