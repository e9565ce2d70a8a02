"""CodeBuild runs builds, and Step Functions waits for them (`codebuild:startBuild.sync`).

In ministack a build succeeds at once without running, and the integration with Step Functions does not exist.
"""

import copy
import json
import logging
import time
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.services import codebuild, stepfunctions
from ministack.services.cloudformation import provisioners

from localcloud.aws import builds
from localcloud.aws.patches import executions
from localcloud.aws.patches.permissions import credentials_of
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.aws")

POLL_SECONDS = 0.1
KEPT_LOGS = 50

_request: ContextVar[dict[str, Any]] = ContextVar("start_build")


def apply(settings: Settings) -> None:
    """Puts the patches in place."""
    start = codebuild._start_build

    def start_build(data: dict[str, Any]) -> Any:
        # The thread of the build gets a copy of this context, and with it the overrides of the request.
        token = _request.set(data)
        try:
            return start(data)
        finally:
            _request.reset(token)

    def execute_build(build_id: str, project: dict[str, Any]) -> None:
        _execute(settings, codebuild._builds[build_id], _overridden(project, _request.get()))

    _keep_caches()
    codebuild.EXECUTE_BUILDS = True
    codebuild._start_build = start_build
    codebuild._execute_build = execute_build
    codebuild._container_for_build = builds.find
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::codebuild:startBuild"] = _start_from_state_machine


def _keep_caches() -> None:
    """A project has the cache that its template gives it, which ministack drops."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::CodeBuild::Project"]

    def keeping(handle: Callable[..., Any]) -> Callable[..., Any]:
        # Its last arguments are the properties and the name of the stack.
        def handled(*arguments: Any) -> Any:
            name, attributes = handle(*arguments)
            codebuild._projects[name]["cache"] = provisioners._pascal_to_camel(arguments[-2].get("Cache") or {})
            return name, attributes

        return handled

    for change in ("create", "update"):
        handlers[change] = keeping(handlers[change])


def _overridden(project: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """The project as this StartBuild wants it."""
    project = copy.deepcopy(project)
    environment = project.setdefault("environment", {})
    added = request.get("environmentVariablesOverride") or []
    names = {variable["name"] for variable in added}
    kept = [known for known in environment.get("environmentVariables") or [] if known["name"] not in names]
    environment["environmentVariables"] = kept + added
    if "buildspecOverride" in request:
        project.setdefault("source", {})["buildspec"] = request["buildspecOverride"]
    if "sourceVersion" in request:
        project["sourceVersion"] = request["sourceVersion"]
    if "cacheOverride" in request:
        project["cache"] = request["cacheOverride"]
    if "timeoutInMinutesOverride" in request:
        project["timeoutInMinutes"] = request["timeoutInMinutesOverride"]
    return project


def _execute(settings: Settings, record: dict[str, Any], project: dict[str, Any]) -> None:
    to_cloudwatch = codebuild._log_sink(record)
    file = _log_file(settings.logs / "builds", record)
    _set_phase(record, "QUEUED", "SUCCEEDED", "")
    _set_phase(record, "PROVISIONING", "SUCCEEDED", "")
    with file.open("w") as log_file:

        def log(line: str) -> None:
            to_cloudwatch(line)
            log_file.write(line + "\n")
            log_file.flush()

        def phase(name: str, status: str | None, reason: str) -> None:
            log(f"[Container] Entering phase {name}" if status is None else f"[Container] {name} {status} {reason}")
            _set_phase(record, name, status, reason)

        try:
            credentials = credentials_of(str(project.get("serviceRole")), record["id"].rpartition(":")[2])
            outcome = builds.Build(settings, record, project, credentials, log, phase).run()
        except Exception:
            logger.exception("Build %s could not be run", record["id"])
            outcome = builds.Outcome("FAULT")
    exported = [{"name": name, "value": value} for name, value in outcome.exported.items()]
    record["exportedEnvironmentVariables"] = exported
    codebuild._clear_stopped(record["id"])
    codebuild._finish_build(record, outcome.status)
    logger.info("Build %s ended: %s, see %s", record["id"], outcome.status, file)


def _log_file(directory: Path, record: dict[str, Any]) -> Path:
    """The build's own log, named by time and build; the oldest ones make room."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in sorted(directory.glob("*.log"))[: -KEPT_LOGS + 1]:
        old.unlink(missing_ok=True)
    return directory / f"{time.strftime('%Y%m%dT%H%M%S')}-{record['id'].replace(':', '-')}.log"


def _set_phase(record: dict[str, Any], name: str, status: str | None, reason: str) -> None:
    """Begins a phase (no status) or ends it."""
    now = time.time()
    phase = next((known for known in record["phases"] if known["phaseType"] == name), None)
    if phase is None:
        phase = {"phaseType": name, "startTime": now}
        record["phases"].append(phase)
    record["currentPhase"] = name
    if status is not None:
        phase |= {"phaseStatus": status, "endTime": now, "durationInSeconds": int(now - phase["startTime"])}
        phase["contexts"] = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": reason}] if reason else []


def _start_from_state_machine(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """`codebuild:startBuild`, and with `.sync` its end too; a build that does not succeed fails the task."""
    status, _, body = codebuild._start_build(_cased(arguments, str.lower))
    answer = json.loads(body)
    if status != 200:
        raise stepfunctions._ExecutionError(f"CodeBuild.{answer['__type']}", answer["message"])
    if ".sync" not in resource:
        return dict(_cased(answer, str.upper))
    build_id = answer["build"]["id"]
    while codebuild._builds[build_id]["buildStatus"] == "IN_PROGRESS":
        if executions.is_abandoned():
            codebuild._stop_build({"id": build_id})
        time.sleep(POLL_SECONDS)
    result = dict(_cased({"build": codebuild._builds[build_id]}, str.upper))
    if result["Build"]["BuildStatus"] != "SUCCEEDED":
        raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(result["Build"]))
    return result


def _cased(value: Any, change: Any) -> Any:
    """The value with the first letter of every key changed: `projectName` in CodeBuild, `ProjectName` in a state."""
    if isinstance(value, dict):
        return {change(key[:1]) + key[1:]: _cased(item, change) for key, item in value.items()}
    return [_cased(item, change) for item in value] if isinstance(value, list) else value
