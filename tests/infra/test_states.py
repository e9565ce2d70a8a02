"""Each state of the state machine by itself, on the embedded engine: every retry is taken, every catch and every choice
leads where it says. What the states do together is in `test_pipeline`.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.infra import test_pipeline
from tests.infra.conftest import DEFINITION, ROLE, Pipeline, make_function

# An answer that every task's Output can be made from.
ANSWER = {
    "run_id": 7,
    "holder": "another",
    "outcome": "split",
    "deliveries": [],
    "prefix": "work/1/",
    "location": "s3://bucket/work/1/",
    "build": "no",
    "redshift": "no",
    "Status": "RUNNING",
}
INPUT = {"delivery_id": 1, "error": "TerminalError", "cause": "odd", "deliveries": [{"delivery_id": 1}]}
VARIABLES = {"runId": 7, "holder": "another", "failure": None}

# For each choice what leads to each of its rules, in their order, and to its default.
CHOICES: dict[str, list[dict[str, Any]]] = {
    "IsOpened": [{"outcome": "opened"}, {"outcome": "held"}],
    "IsHolderAlive": [{"status": "RUNNING"}, {"status": "ABORTED"}],
    "Route": [{"route": "glue"}, {"route": "lambda"}],
    "IsSplit": [{"outcome": "split"}, {"outcome": "settled"}],
    "IsBuildNeeded": [{"build": "more"}, {"build": "yes"}, {"build": "no"}],
    "IsLakeBehind": [{"outcome": "publish"}, {"outcome": "unchanged"}],
    "IsRedshiftBehind": [{"redshift": True}, {"redshift": False}],
    "IsCopied": [{"outcome": "more"}, {"outcome": "done"}],
    "IsDropRefused": [{"notice": {"subject": "a drop", "message": "why"}}, {"notice": None}],
    "IsRefused": [{"notice": {"subject": "a file", "message": "why"}}, {"notice": None}],
    "IsMorePending": [{"outcome": "more"}, {"outcome": "successor"}, {"outcome": "closed"}],
}

# The states that neither do nor decide anything, and a test of the whole that comes to each.
PASSED_THROUGH = {
    "Begin": "test_a_run_loads_each_delivery_once_and_closes",
    "TakeOver": "test_the_lease_of_a_stopped_execution_is_taken_over",
    "AlreadyRunning": "test_an_execution_that_finds_a_live_run_leaves_it_the_work",
    "Settled": "test_a_nested_file_that_is_settled_by_the_split_starts_no_job",
    "Closed": "test_a_run_loads_each_delivery_once_and_closes",
    "Failed": "test_a_run_that_could_not_open_has_nothing_to_close",
}


def every_state(states: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state with its name, those inside a Map too."""
    for name, state in states.items():
        yield name, state
        if state["Type"] == "Map":
            yield from every_state(state["ItemProcessor"]["States"])


STATES = dict(every_state(json.loads(DEFINITION.read_text().replace("${MaxConcurrency}", "4"))["States"]))
RETRIES = [
    pytest.param(name, error, id=f"{name}: {error}")
    for name, state in STATES.items()
    for retrier in state.get("Retry", [])
    for error in retrier["ErrorEquals"]
]
CATCHES = [
    pytest.param(name, number, id=f"{name}: {', '.join(catcher['ErrorEquals'])}")
    for name, state in STATES.items()
    for number, catcher in enumerate(state.get("Catch", []))
]


@pytest.fixture(scope="module")
def run_alone(machine: Pipeline) -> Callable[[str, dict[str, Any]], dict[str, Any]]:
    """Runs one state, its task being a scripted function; tells which state would have come next, and with what."""
    function = make_function(machine, "Task")
    made: dict[str, str] = {}

    def run(name: str, given: dict[str, Any]) -> dict[str, Any]:
        if name not in made:
            created = machine.states.create_state_machine(
                name=f"alone-{name}", definition=json.dumps(alone(name, function)), roleArn=ROLE
            )
            made[name] = created["stateMachineArn"]
        started = machine.states.start_execution(stateMachineArn=made[name], input=json.dumps(given))
        ended = machine.finish(started["executionArn"])
        assert ended["status"] == "SUCCEEDED", ended
        return dict(json.loads(ended["output"]))

    return run


@pytest.fixture
def script(machine: Pipeline) -> Callable[..., None]:
    """What the task does, attempt by attempt: raises the errors of these names, then answers."""

    def write(*errors: str) -> None:
        for file in machine.directory.iterdir():
            file.unlink()
        machine.script(Task=[*({"raise": error, "message": "odd"} for error in errors), ANSWER])

    return write


def alone(name: str, function: str) -> dict[str, Any]:
    """A state machine of one state as it is defined, but for the task it calls and the time it waits."""
    state: dict[str, Any] = json.loads(json.dumps(STATES[name]))
    if state["Type"] == "Task":
        # Others than Lambda's answer with the result itself.
        optimized = state["Resource"].endswith(":lambda:invoke")
        state["Resource"] = "arn:aws:states:::lambda:invoke" if optimized else function
        state["Arguments"] = {"FunctionName": function, "Payload": {}} if optimized else {}
    if state["Type"] == "Map":
        broken = {"Type": "Fail", "Error": "TerminalError", "Cause": "odd"}
        state["ItemProcessor"] = {"StartAt": "Broken", "States": {"Broken": broken}}
    for retrier in state.get("Retry", []):
        retrier["IntervalSeconds"] = 0
    if state.pop("End", False):
        state["Next"] = "Ended"
    following = {state.get("Next"), state.get("Default")}
    following |= {branch["Next"] for branch in (*state.get("Catch", []), *state.get("Choices", []))}
    ends = {end: arrived(end) for end in following if end}
    variables = {**STATES["Begin"]["Assign"], **VARIABLES, "redshift": "{% $states.input.redshift = true %}"}
    begin = {"Type": "Pass", "Assign": variables, "Next": name}
    return {"QueryLanguage": "JSONata", "StartAt": "Start", "States": {"Start": begin, name: state, **ends}}


def arrived(end: str) -> dict[str, Any]:
    """A state in the place of another, which tells that it was come to."""
    return {
        "Type": "Pass",
        "Output": {"next": end, "input": "{% $states.input %}", "failure": "{% $failure %}"},
        "End": True,
    }


@pytest.mark.parametrize(("name", "error"), RETRIES)
def test_a_passing_error_is_tried_again(
    machine: Pipeline, run_alone: Callable[..., dict[str, Any]], script: Callable[..., None], name: str, error: str
) -> None:
    script(error)
    told = run_alone(name, INPUT)
    assert told["next"] == STATES[name].get("Next", "Ended")
    assert len(machine.calls("Task")) == 2


@pytest.mark.parametrize(("name", "number"), CATCHES)
def test_what_is_not_tried_again_is_caught_and_told(
    run_alone: Callable[..., dict[str, Any]], script: Callable[..., None], name: str, number: int
) -> None:
    catcher = STATES[name]["Catch"][number]
    (error,) = catcher["ErrorEquals"]
    raised = "TerminalError" if error == "States.ALL" else error
    script(raised)
    told = run_alone(name, INPUT)
    assert told["next"] == catcher["Next"]
    if "failure" in catcher.get("Assign", {}):
        assert (told["failure"]["state"], told["failure"]["error"]) == (name, raised)
        assert "odd" in told["failure"]["cause"]
    if catcher["Next"] == "RecordFailure":
        assert (told["input"]["delivery_id"], told["input"]["error"]) == (1, raised)


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_leads_where_each_of_its_rules_says(run_alone: Callable[..., dict[str, Any]], name: str) -> None:
    state = STATES[name]
    expected = [*(rule["Next"] for rule in state["Choices"]), state["Default"]]
    assert [run_alone(name, given)["next"] for given in CHOICES[name]] == expected


def test_every_state_is_among_these_or_passed_through_by_a_test_of_the_whole() -> None:
    kinds = {
        kind: {name for name, state in STATES.items() if state["Type"] == kind} for kind in ("Task", "Choice", "Map")
    }
    assert kinds["Choice"] == CHOICES.keys()
    # One that neither retries nor catches leaves its errors to the Map around it.
    assert {case.values[0] for case in (*RETRIES, *CATCHES)} == kinds["Task"] | kinds["Map"]
    assert STATES.keys() - kinds["Task"] - kinds["Map"] - kinds["Choice"] == PASSED_THROUGH.keys()
    assert all(callable(getattr(test_pipeline, name)) for name in PASSED_THROUGH.values())
