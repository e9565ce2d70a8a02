"""Stopping an execution stops it, as its machine's end does, and one that was running when the server died is ABORTED.

In ministack a stopped execution goes on with the items of a Map, the retries and the waits it is in, turns FAILED when
one of them fails, and a restart makes FAILED of what was running. One whose machine went with its stack goes on too,
and calls the functions of the stack that comes after.
"""

import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners

# Step Functions names the errors of its SDK integrations after the exceptions of the Java SDK.
ERROR_NAMES = {
    code: f"{code}Exception"
    for code in (
        "ExecutionAlreadyExists",
        "ExecutionDoesNotExist",
        "ExecutionLimitExceeded",
        "StateMachineDoesNotExist",
    )
}

# How soon a wait notices that its execution was stopped.
POLL_SECONDS = 0.2

# Threads of Map items and timeouts inherit it, for ministack copies the context into each.
_current: ContextVar[dict[str, Any] | None] = ContextVar("execution", default=None)
# When the TimeoutSeconds of the task that is being run are over, by the monotonic clock.
_deadline: ContextVar[float] = ContextVar("deadline", default=math.inf)


def apply(changed: Callable[[], None]) -> None:
    """Puts the patches in place; `changed` is called when an execution begins or ends."""
    _abort_at_restart()
    _remember_current()
    _end_when_stopped()
    _stop_with_machine()
    stepfunctions._AWS_SDK_ERROR_CODE_OVERRIDES["sfn"] = ERROR_NAMES
    original = stepfunctions._emit_execution_status_event

    def emit(execution: dict[str, Any]) -> None:
        original(execution)
        changed()

    stepfunctions._emit_execution_status_event = emit


def current() -> dict[str, Any] | None:
    """The execution whose task this thread runs."""
    return _current.get()


def is_abandoned() -> bool:
    """Whether nobody waits any more for the task that this thread runs: its time is over, or its execution."""
    return _is_stopped() or time.monotonic() > _deadline.get()


def _is_stopped() -> bool:
    execution = _current.get()
    return execution is not None and execution["status"] != "RUNNING"


def _require_not_stopped() -> None:
    """Raises the engine's error when the execution has been stopped, which ends the state that is being run."""
    if _is_stopped():
        raise stepfunctions._ExecutionError("Execution.Stopped", "The execution was stopped")


def _abort_at_restart() -> None:
    original = stepfunctions.load_persisted_state

    def load(data: dict[str, Any]) -> None:
        for execution in data["executions"].all_values():
            if execution["status"] == "RUNNING":
                cause = "The embedded AWS ended while this execution was running"
                execution |= {"status": "ABORTED", "stopDate": stepfunctions.now_iso(), "cause": cause}
        original(data)

    stepfunctions.load_persisted_state = load


def _remember_current() -> None:
    original = stepfunctions._run_execution

    def run(execution_arn: str) -> None:
        _current.set(stepfunctions._executions.get(execution_arn))
        original(execution_arn)

    stepfunctions._run_execution = run


def _end_when_stopped() -> None:
    invoke, invoke_with_timeout, fail, add_event = (
        stepfunctions._invoke_resource,
        stepfunctions._invoke_resource_with_timeout,
        stepfunctions._fail_execution,
        stepfunctions._add_event,
    )

    def invoke_if_running(resource: str, arguments: Any) -> Any:
        _require_not_stopped()
        return invoke(resource, arguments)

    def invoke_until_timeout(resource: str, arguments: Any, timeout: float) -> Any:
        token = _deadline.set(time.monotonic() + timeout)
        try:
            return invoke_with_timeout(resource, arguments, timeout)
        finally:
            _deadline.reset(token)

    def fail_if_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def add_event_if_running(execution: dict[str, Any], event_type: str, details: Any = None) -> None:
        if execution["status"] == "RUNNING" or event_type.startswith("Execution"):
            add_event(execution, event_type, details)

    stepfunctions._invoke_resource = invoke_if_running
    stepfunctions._invoke_resource_with_timeout = invoke_until_timeout
    stepfunctions._fail_execution = fail_if_running
    stepfunctions._add_event = add_event_if_running
    stepfunctions._scaled_sleep = _sleep


def _stop_with_machine() -> None:
    handlers = provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    delete = handlers["delete"]

    def delete_and_stop(arn: str, properties: dict[str, Any]) -> None:
        delete(arn, properties)
        for execution in list(stepfunctions._executions.values()):
            if execution["stateMachineArn"] == arn and execution["status"] == "RUNNING":
                cause = "Its state machine was deleted"
                stepfunctions._stop_execution({"executionArn": execution["executionArn"], "cause": cause})

    handlers["delete"] = delete_and_stop


def _sleep(seconds: float) -> None:
    """Waits, and ends with the engine's error as soon as the execution is stopped."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        _require_not_stopped()
        time.sleep(min(left, POLL_SECONDS))
