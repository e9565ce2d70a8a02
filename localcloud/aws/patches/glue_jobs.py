"""Glue runs Spark jobs, and Step Functions waits for them (`glue:startJobRun.sync`).

In ministack a Spark job succeeds at once without running unless there is Docker, and the integration with Step
Functions does not exist.
"""

import json
import logging
import time
from types import SimpleNamespace
from typing import Any

from ministack.services import glue, stepfunctions

from localcloud.aws import jobs
from localcloud.aws.job_logs import DEFAULT_GROUP, logs_of
from localcloud.aws.patches import executions
from localcloud.aws.patches.permissions import credentials_of
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.aws")

POLL_SECONDS = 0.1
UNDER_WAY = ("STARTING", "RUNNING")


def apply(settings: Settings) -> None:
    """Puts the patches in place."""
    resolve, stop, load = glue._resolve_script, glue._batch_stop_job_run, glue.load_persisted_state

    def execute(run: dict[str, Any], job: dict[str, Any], _: str, arguments: dict[str, str], *__: Any) -> None:
        _execute(settings, run, job, arguments)

    def stop_runs(data: dict[str, Any]) -> Any:
        for run_id in data.get("JobRunIds", []):
            if running := jobs.find(run_id):
                running.end(jobs.Outcome("STOPPED"))
        return stop(data)

    def load_runs(data: dict[str, Any]) -> None:
        load(data)
        for run in (run for runs in glue._job_runs.all_values() for run in runs):
            if run["JobRunState"] in UNDER_WAY:
                run |= {"JobRunState": "STOPPED", "ErrorMessage": "The embedded AWS ended while this run was running"}

    # A Docker that has every image: then each Spark job is given to the function that runs it.
    glue._get_docker = lambda: SimpleNamespace(images=SimpleNamespace(get=lambda image: image))
    # A script that does not exist must fail its run, not skip it.
    glue._resolve_script = lambda location: resolve(location) or location or "no script"
    glue._execute_spark_docker = execute
    glue._batch_stop_job_run = stop_runs
    glue.load_persisted_state = load_runs
    stepfunctions._SERVICE_DISPATCH["arn:aws:states:::glue:startJobRun"] = _start_from_state_machine


def _execute(settings: Settings, run: dict[str, Any], job: dict[str, Any], arguments: dict[str, str]) -> None:
    group = arguments.get("--custom-logGroup-prefix") or DEFAULT_GROUP
    run["LogGroupName"] = group
    try:
        with logs_of(settings.logs / "jobs", group, run["JobName"], run["Id"]) as logs:
            credentials = credentials_of(str(job.get("Role")), run["Id"])
            outcome = jobs.JobRun(settings, run["Id"], job, credentials, logs.output, logs.error).run(arguments)
    except Exception as error:
        logger.exception("Run %s of job %s could not be run", run["Id"], run["JobName"])
        outcome = jobs.Outcome("FAILED", str(error))
    run |= {"JobRunState": outcome.state, "ErrorMessage": outcome.message}
    logger.info("Run %s of job %s ended: %s %s", run["Id"], run["JobName"], outcome.state, outcome.message)


def _start_from_state_machine(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """`glue:startJobRun`, and with `.sync` its end too; a run that does not succeed fails the task."""
    status, _, body = glue._start_job_run(arguments)
    answer = json.loads(body)
    if status != 200:
        raise stepfunctions._ExecutionError(f"Glue.{answer['__type']}", answer["message"])
    job, run_id = arguments["JobName"], answer["JobRunId"]
    if ".sync" not in resource:
        return {"JobName": job, "JobRunId": run_id}
    run = next(run for run in glue._job_runs[job] if run["Id"] == run_id)
    while run["JobRunState"] in UNDER_WAY or run["CompletedOn"] is None:
        if executions.is_abandoned():
            glue._batch_stop_job_run({"JobName": job, "JobRunIds": [run_id]})
        time.sleep(POLL_SECONDS)
    if run["JobRunState"] != "SUCCEEDED":
        raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps(run))
    return dict(run)
