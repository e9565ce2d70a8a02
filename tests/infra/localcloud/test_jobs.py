"""Glue runs the real script of a Spark job with its arguments, and Step Functions waits for it."""

import json
import uuid
from textwrap import dedent
from typing import Any

import psutil
import pytest

from tests.infra.localcloud.conftest import ROLE, Cloud, wait_until, zipped

# Reads what its arguments name, writes one table; says on both outputs what it was given.
SCRIPT = """
    import sys
    from helper import location
    from pyspark.sql import SparkSession

    print("arguments", *sys.argv[1:])
    print("a warning", file=sys.stderr)
    if "--fail" in sys.argv:
        raise ValueError(sys.argv[sys.argv.index("--fail") + 1])
    spark = SparkSession.builder.getOrCreate()
    spark.read.json(location("in")).write.mode("overwrite").parquet(location("out"))
    print("written")
"""
HELPER = """
    import sys

    def location(name):
        return sys.argv[sys.argv.index("--location") + 1] + name
"""
SLEEPER = """
    import subprocess, sys
    subprocess.run(["sleep", sys.argv[sys.argv.index("--seconds") + 1]])
"""


class Jobs:
    """A bucket with scripts, and jobs of them."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.glue, self.s3 = cloud.aws.client("glue"), cloud.aws.client("s3")
        self.bucket = f"jobs-{uuid.uuid4().hex[:8]}"
        self.s3.create_bucket(Bucket=self.bucket)

    def make(self, script: str | None, arguments: dict[str, str] | None = None, **others: Any) -> str:
        """A job of a script, which is not there when it is None."""
        name = f"job-{uuid.uuid4().hex[:8]}"
        if script is not None:
            self.s3.put_object(Bucket=self.bucket, Key=f"{name}/script.py", Body=dedent(script).encode())
        self.glue.create_job(
            Name=name,
            Role=ROLE,
            GlueVersion="5.1",
            Command={"Name": "glueetl", "ScriptLocation": f"s3://{self.bucket}/{name}/script.py"},
            DefaultArguments=arguments or {},
            **others,
        )
        return name

    def run(self, job: str, **arguments: str) -> dict[str, Any]:
        """One run of a job, once it has ended."""
        given = {f"--{name}": value for name, value in arguments.items()}
        return self.ended(job, self.glue.start_job_run(JobName=job, Arguments=given)["JobRunId"])

    def ended(self, job: str, run_id: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            run: dict[str, Any] = self.glue.get_job_run(JobName=job, RunId=run_id)["JobRun"]
            return run if run.get("CompletedOn") else None

        return wait_until(found, "the end of the run")

    def log(self, run: dict[str, Any], output: str) -> list[str]:
        events = self.cloud.aws.client("logs").get_log_events(
            logGroupName=f"{run['LogGroupName']}/{output}", logStreamName=f"{run['Id']}-driver", startFromHead=True
        )["events"]
        return [event["message"] for event in events]


@pytest.fixture(scope="module")
def jobs(cloud: Cloud) -> Jobs:
    return Jobs(cloud)


@pytest.fixture(scope="module")
def copying(jobs: Jobs) -> str:
    """A job that copies JSON to Parquet with a module of its own."""
    jobs.s3.put_object(Bucket=jobs.bucket, Key="packages.zip", Body=zipped(helper=HELPER))
    jobs.s3.put_object(Bucket=jobs.bucket, Key="data/in/part.jsonl", Body=b'{"a": "1"}\n{"a": "2"}\n')
    arguments = {
        "--location": f"s3://{jobs.bucket}/data/",
        "--extra-py-files": f"s3://{jobs.bucket}/packages.zip",
        "--custom-logGroup-prefix": "/xtage/jobs",
        "--colour": "default",
    }
    return jobs.make(SCRIPT, arguments)


def test_a_job_runs_its_script_on_spark_with_its_packages_and_arguments(jobs: Jobs, copying: str) -> None:
    run = jobs.run(copying, colour="red")
    assert (run["JobRunState"], run.get("ErrorMessage", "")) == ("SUCCEEDED", "")
    written = jobs.s3.list_objects_v2(Bucket=jobs.bucket, Prefix="data/out/")["Contents"]
    assert [one["Key"].endswith(".parquet") for one in written] == [True]
    assert run["LogGroupName"] == "/xtage/jobs"
    [arguments, last] = jobs.log(run, "output")
    assert last == "written"
    assert "--colour red" in arguments
    assert f"--JOB_NAME {copying}" in arguments
    assert jobs.log(run, "error") == ["a warning"]
    [file] = (jobs.cloud.aws.settings.logs / "jobs").glob(f"*{run['Id']}.log")
    assert "written\n" in file.read_text()


def test_a_script_that_raises_fails_its_run_with_the_exception(jobs: Jobs, copying: str) -> None:
    run = jobs.run(copying, fail="the input is odd")
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "ValueError: the input is odd")


def test_a_script_that_is_not_there_fails_the_run(jobs: Jobs) -> None:
    run = jobs.run(jobs.make(None))
    assert run["JobRunState"] == "FAILED"
    assert "404" in run["ErrorMessage"]


def waiting(job: str, arguments: dict[str, str], **others: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": {"JobName": job, "Arguments": arguments},
        "End": True,
    } | others


def test_a_state_machine_waits_for_the_run_and_gets_its_result(jobs: Jobs, copying: str) -> None:
    execution = jobs.cloud.run({"Job": waiting(copying, {"--colour": "{% 'blue' %}"})})
    assert (execution["output"]["JobRunState"], execution["output"]["JobName"]) == ("SUCCEEDED", copying)
    assert "--colour blue" in jobs.log(execution["output"], "output")[0]


def test_a_failed_run_fails_the_task_with_the_run_as_its_cause(jobs: Jobs, copying: str) -> None:
    execution = jobs.cloud.run({"Job": waiting(copying, {"--fail": "odd"})})
    assert execution["error"] == "States.TaskFailed"
    cause = json.loads(execution["cause"])
    assert (cause["JobName"], cause["JobRunState"], cause["ErrorMessage"]) == (copying, "FAILED", "ValueError: odd")


def test_a_job_that_nobody_made_fails_the_task_by_name(jobs: Jobs) -> None:
    execution = jobs.cloud.run({"Job": waiting("no-such-job", {})})
    assert execution["error"] == "Glue.EntityNotFoundException"


def sleeping(seconds: str) -> bool:
    return any(process.info["cmdline"] == ["sleep", seconds] for process in psutil.process_iter(["cmdline"]))


def test_a_stopped_run_ends_with_all_it_started(jobs: Jobs) -> None:
    job = jobs.make(SLEEPER)
    run_id = jobs.glue.start_job_run(JobName=job, Arguments={"--seconds": "86311"})["JobRunId"]
    wait_until(lambda: sleeping("86311"), "the script")
    jobs.glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id])
    wait_until(lambda: not sleeping("86311"), "the end of the script")
    assert jobs.ended(job, run_id)["JobRunState"] == "STOPPED"


@pytest.mark.parametrize("how", ["stopped", "timed out"])
def test_a_run_that_nobody_waits_for_any_more_is_stopped(jobs: Jobs, how: str) -> None:
    seconds = {"stopped": "86312", "timed out": "86313"}[how]
    limit = {"TimeoutSeconds": 3} if how == "timed out" else {}
    state = waiting(jobs.make(SLEEPER), {"--seconds": seconds}, **limit)
    execution = jobs.cloud.start(jobs.cloud.machine({"Job": state}))
    wait_until(lambda: sleeping(seconds), "the script")
    if how == "stopped":
        jobs.cloud.aws.client("stepfunctions").stop_execution(executionArn=execution)
    wait_until(lambda: not sleeping(seconds), "the end of the script")
    ended = jobs.cloud.finished(execution)
    assert (ended["status"], ended.get("error")) == {
        "stopped": ("ABORTED", None),
        "timed out": ("FAILED", "States.Timeout"),
    }[how]
