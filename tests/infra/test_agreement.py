"""Templates, state machine and code speak of the same things: variables, arguments, payloads, substitutions."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.conftest import DEFINITION
from tests.infra.test_states import STATES
from tests.infra.test_templates import DIRECTORY, described, resources
from xtage.deploy import PROJECT

# Of people who build beside the pipeline; a stage has no prefix.
OF_PEOPLE = {"XTAGE_SCHEMA_PREFIX"}

JOBS = {"FlattenJobName": "json_to_tabular", "PublishJobName": "publish_lake"}


def variables_read_by(package: str) -> set[str]:
    """Every environment variable that a package's code asks for by name."""
    pattern = re.compile(r"environ(?:ment)?(?:\.get\(|\[)\s*\"([A-Z][A-Z0-9_]*)\"")
    return {name for path in (PROJECT / package).rglob("*.py") for name in pattern.findall(path.read_text())}


def variables_given_to(package: str) -> set[str]:
    """Every variable that a template gives to a function of the package."""
    return {
        name
        for _, function in resources("AWS::Lambda::Function")
        if function["Handler"].startswith(f"{package}.")
        for name in function["Environment"]["Variables"]
    }


def test_every_variable_that_a_function_is_given_is_read_by_its_code() -> None:
    # The API's code uses the loaders'.
    assert variables_given_to("loaders") <= variables_read_by("loaders")
    assert variables_given_to("api") <= variables_read_by("api") | variables_read_by("loaders")


@pytest.mark.parametrize("package", ["loaders", "api"])
def test_every_variable_that_code_reads_is_given_by_a_template(package: str) -> None:
    assert variables_read_by(package) - OF_PEOPLE <= variables_given_to(package)


def test_the_definition_is_given_what_it_names_and_nothing_else() -> None:
    ((_, machine),) = resources("AWS::StepFunctions::StateMachine")
    named = set(re.findall(r"\$\{(\w+)\}", DEFINITION.read_text()))
    assert named == machine["DefinitionSubstitutions"].keys()


@pytest.mark.parametrize("job", JOBS)
def test_a_job_is_started_with_the_arguments_that_its_script_asks_for(job: str) -> None:
    script = (PROJECT / "glue" / "jobs" / f"{JOBS[job]}.py").read_text()
    taken = set(re.findall(r'add_argument\("(--[a-z_-]+)"', script))
    required = set(re.findall(r'add_argument\("(--[a-z_-]+)", required=True', script))
    started = [state for state in STATES.values() if state.get("Arguments", {}).get("JobName") == f"${{{job}}}"]
    assert started
    assert all(required <= state["Arguments"]["Arguments"].keys() <= taken for state in started)


def handlers() -> dict[str, ast.FunctionDef]:
    tree = ast.parse((PROJECT / "loaders" / "handler.py").read_text())
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def keys_of(function: ast.AST, *, required: bool) -> set[str]:
    """What code takes from `event`: event["key"], and event.get("key") unless only what is required is asked for."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "event":
            found.add(ast.literal_eval(node.slice))
        is_get = isinstance(node, ast.Call) and ast.unparse(node.func) == "event.get"
        if is_get and not required:
            assert isinstance(node, ast.Call)
            found.add(ast.literal_eval(node.args[0]))
    return found


def payloads() -> dict[str, set[str]]:
    """What each function is called with by the state machine, by the name of its entry."""
    entries = {
        name: parameter["Description"].removeprefix("loaders.handler.")
        for name, parameter in described(DIRECTORY / "orchestration.yaml")["Parameters"].items()
        if name.endswith("FunctionArn")
    }
    tasks: list[dict[str, Any]] = [state["Arguments"] for state in STATES.values() if "Arguments" in state]
    return {entries[one["FunctionName"][2:-1]]: set(one["Payload"]) for one in tasks if "FunctionName" in one}


def test_every_function_is_called_with_what_it_asks_for_and_nothing_that_nobody_reads() -> None:
    functions = handlers()
    read_somewhere = {key for function in functions.values() for key in keys_of(function, required=False)}
    called = payloads()
    assert len(called) == 12
    for name, payload in called.items():
        assert keys_of(functions[name], required=True) <= payload, name
        assert payload <= read_somewhere, name


def test_a_build_is_given_what_its_profile_and_buildspec_read() -> None:
    ((_, project),) = resources("AWS::CodeBuild::Project")
    given = {
        variable.get("Fn::If", [None, variable])[1]["Name"]
        for variable in project["Environment"]["EnvironmentVariables"]
    }
    profile = (PROJECT / "profiles.yml").read_text()
    buildspec = yaml.safe_load((PROJECT / "orchestration" / "buildspec.yml").read_text())
    keyed = set(re.findall(r"\$\{?([A-Z_]+)", buildspec["cache"]["key"]))
    assert given <= set(re.findall(r"env_var\('([A-Z_]+)'", profile)) | keyed
    overridden = {one["Name"] for state in ("Build", "BuildRedshift") for one in overrides(state)}
    # What was read of one package, or for one target, must not be taken for that of another.
    assert keyed == {"SOURCE_KEY", "DBT_TARGET"}
    assert keyed <= given | overridden
    sources = [
        PROJECT / "orchestration" / "buildspec.yml",
        *(PROJECT / "dbt_project").rglob("*.sql"),
        PROJECT / "dbt_project.yml",
    ]
    text = profile + "".join(path.read_text() for path in sources)
    assert [name for name in sorted(overridden) if name not in text] == []


def overrides(state: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = STATES[state]["Arguments"]["EnvironmentVariablesOverride"]
    return found


def test_the_project_runs_the_buildspec_that_is_in_its_source() -> None:
    ((_, project),) = resources("AWS::CodeBuild::Project")
    assert yaml.safe_load(Path(PROJECT, project["Source"]["BuildSpec"]).read_text())["version"] == 0.2


def test_a_stage_and_the_root_speak_of_the_same_nested_parameters() -> None:
    """What the root hands to a nested stack, the stack takes; what it takes without a default, the root hands over."""
    for name, stack in described(DIRECTORY / "root.yaml")["Resources"].items():
        taken = described(DIRECTORY / stack["Properties"]["TemplateURL"]).get("Parameters", {})
        handed = stack["Properties"].get("Parameters", {}).keys()
        assert handed <= taken.keys(), name
        assert {one for one, parameter in taken.items() if "Default" not in parameter} <= handed, name


def test_every_parameter_of_the_root_is_used() -> None:
    text = (DIRECTORY / "root.yaml").read_text()
    for name in described(DIRECTORY / "root.yaml")["Parameters"]:
        assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", text), name
