"""Helpers that deploy small functions and state machines into the embedded AWS and run them."""

import io
import json
import time
import uuid
import zipfile
from collections.abc import Callable
from textwrap import dedent
from typing import Any, TypeVar

import pytest

from localcloud.aws import Aws

T = TypeVar("T")

ROLE = "arn:aws:iam::000000000000:role/test"


def zipped(**files: str) -> bytes:
    """A zip archive; each keyword is a module name, each value its source."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", dedent(text))
    return buffer.getvalue()


def wait_until(probe: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """The first true answer of the probe."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := probe():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Cloud:
    """What the tests do with an embedded AWS."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws

    def function(self, source: str, **settings: Any) -> str:
        """Deploys a module with a function `handler`; returns its name."""
        name = f"function-{uuid.uuid4().hex[:8]}"
        arguments = {"Runtime": "python3.11", "Handler": "module.handler", "Role": ROLE, "Timeout": 10} | settings
        self.aws.client("lambda").create_function(
            FunctionName=name, Code={"ZipFile": zipped(module=source)}, **arguments
        )
        return name

    def invoke(self, function: str, event: Any = None) -> tuple[str | None, Any]:
        """The function error, if any, and the payload of one invocation."""
        answer = self.aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
        return answer.get("FunctionError"), json.loads(answer["Payload"].read())

    def machine(self, states: dict[str, Any], start: str | None = None) -> str:
        """Creates a JSONata state machine; returns its ARN."""
        definition = {"QueryLanguage": "JSONata", "StartAt": start or next(iter(states)), "States": states}
        name = f"machine-{uuid.uuid4().hex[:8]}"
        created = self.aws.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )
        return str(created["stateMachineArn"])

    def start(self, machine: str, payload: Any = None) -> str:
        """Starts an execution; returns its ARN."""
        started = self.aws.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(payload))
        return str(started["executionArn"])

    def describe(self, execution: str) -> dict[str, Any]:
        """The execution as it is now."""
        return dict(self.aws.client("stepfunctions").describe_execution(executionArn=execution))

    def finished(self, execution: str, seconds: float = 60) -> dict[str, Any]:
        """The execution once it no longer runs."""

        def ended() -> dict[str, Any] | None:
            described = self.describe(execution)
            return None if described["status"] == "RUNNING" else described

        return wait_until(ended, "the end of the execution", seconds)

    def run(self, states: dict[str, Any], payload: Any = None) -> dict[str, Any]:
        """Runs a machine of these states to its end; `output` is decoded."""
        execution = self.finished(self.start(self.machine(states), payload))
        if execution.get("output"):
            execution["output"] = json.loads(execution["output"])
        return execution


def task(function: str, arguments: Any = "{% $states.input %}", **others: Any) -> dict[str, Any]:
    """A state that invokes a function and gives what it returned."""
    state = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": arguments},
        "Output": "{% $states.result.Payload %}",
    }
    state |= others
    return state if "Next" in state else state | {"End": True}


@pytest.fixture(scope="session")
def cloud(aws: Aws) -> Cloud:
    """The embedded AWS of the session."""
    return Cloud(aws)
