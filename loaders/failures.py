"""What Step Functions says about a failed task, in one line, and whether trying again may help."""

from __future__ import annotations

import json

from loaders.errors import without_excerpts

FAMILIES = frozenset({"TransientError", "DataError", "TerminalError", "ContractError"})
"""The loader's own errors; the text of any other may quote what a file or the database holds."""

TRANSIENT = frozenset(
    {
        "TransientError",
        # The function never ran, was throttled, or its environment died.
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.TooManyRequestsException",
        "Lambda.ResourceNotReadyException",
        "Lambda.Unknown",
        "Sandbox.Timedout",
        "States.Timeout",
        # A Glue job: what it reads was checked before it, so a worker was lost or there was no room for one.
        "States.TaskFailed",
        "Glue.ConcurrentRunsExceededException",
        "Glue.ResourceNumberLimitExceededException",
        "Glue.InternalServiceException",
        "Glue.OperationTimeoutException",
    }
)
CAUSE_CHARACTERS = 2000


def is_transient(error: str) -> bool:
    """Whether an error name of Step Functions stands for something that may pass."""
    return error in TRANSIENT


def described(error: str, cause: str | None) -> str:
    """`<error>: <cause>` in one line: of a Lambda or a job its message, of a build its failed phase, else as it is."""
    return f"{error}: {' '.join(_message(cause or '').split())[:CAUSE_CHARACTERS]}".rstrip(": ")


def _message(cause: str) -> str:
    try:
        document = json.loads(cause)
    except ValueError:
        return cause
    if not isinstance(document, dict):
        return cause
    if "errorMessage" in document:
        return str(document["errorMessage"])
    if "JobRunState" in document:
        return _job_message(document)
    build = document.get("Build", document)
    if isinstance(build, dict) and "BuildStatus" in build:
        return _build_message(build)
    return cause


def _build_message(build: dict[str, object]) -> str:
    phases = build.get("Phases")
    failed = [
        str(phase.get("PhaseType"))
        for phase in (phases if isinstance(phases, list) else [])
        if isinstance(phase, dict) and phase.get("PhaseStatus") in ("FAILED", "FAULT", "TIMED_OUT")
    ]
    logs = build.get("Logs")
    where = logs.get("DeepLink") or logs.get("StreamName") if isinstance(logs, dict) else None
    phase = f" in phase {failed[0]}" if failed else ""
    return f"build {build.get('Id')} ended {build['BuildStatus']}{phase}{f'; log: {where}' if where else ''}"


def _job_message(run: dict[str, object]) -> str:
    message = run.get("ErrorMessage") or "no error message"
    where = f"{run.get('LogGroupName')}, stream {run.get('Id')}"
    return f"job {run.get('JobName')} ended {run['JobRunState']}: {message}; log: {where}"


def logged(error: str, cause: str | None) -> str:
    """What logs and notices may say: the loader's own words without what they quote, of any other error its name."""
    return without_excerpts(described(error, cause)) if error in FAMILIES else error
