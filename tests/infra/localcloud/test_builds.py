"""CodeBuild runs the real buildspec on the real source, and Step Functions waits for it."""

import io
import json
import uuid
import zipfile
from typing import Any

import psutil
import pytest

from localcloud.settings import PROJECT
from tests.infra.localcloud.conftest import ROLE, Cloud, wait_until

BUILDSPEC = """
version: 0.2
env:
  variables:
    FROM_SPEC: spec
    OVERRIDDEN: spec
  exported-variables: [RESULT]
phases:
  install:
    commands:
      - cd sub
      - export KEPT="kept over commands"
  build:
    commands:
      - cat data.txt
      - |
        for word in one two; do
          echo "word $word"
        done
      - echo "$KEPT / $FROM_SPEC / $OVERRIDDEN / $SECRET / $WHOLE / $PARAMETER"
      - which python
      - if [ -n "$BREAK" ]; then $BREAK; fi
      - echo never after a failure
  post_build:
    commands:
      - export RESULT="succeeding $CODEBUILD_BUILD_SUCCEEDING"
      - echo "after the build, $CODEBUILD_BUILD_SUCCEEDING"
artifacts:
  files: [sub/data.txt]
"""


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> str:
    name = f"source-{uuid.uuid4().hex[:8]}"
    s3 = cloud.aws.client("s3")
    s3.create_bucket(Bucket=name)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("specs/buildspec.yml", BUILDSPEC)
        archive.writestr("sub/data.txt", "text in the source\n")
    s3.put_object(Bucket=name, Key="artifacts/source.zip", Body=buffer.getvalue())
    return name


@pytest.fixture(scope="module")
def project(cloud: Cloud, bucket: str) -> str:
    secret = cloud.aws.client("secretsmanager").create_secret(Name="build", SecretString='{"user": "me", "port": 5}')
    cloud.aws.client("ssm").put_parameter(Name="/build", Value="a parameter", Type="String")
    return make_project(
        cloud,
        {"type": "S3", "location": f"{bucket}/artifacts/source.zip", "buildspec": "specs/buildspec.yml"},
        variables=[
            {"name": "OVERRIDDEN", "value": "project"},
            {"name": "SECRET", "value": f"{secret['ARN']}:port", "type": "SECRETS_MANAGER"},
            {"name": "WHOLE", "value": "build:user::", "type": "SECRETS_MANAGER"},
            {"name": "PARAMETER", "value": "/build", "type": "PARAMETER_STORE"},
        ],
        artifacts={"type": "S3", "location": bucket, "path": "out", "namespaceType": "BUILD_ID", "packaging": "NONE"},
    )


def make_project(
    cloud: Cloud, source: dict[str, Any], variables: list[dict[str, Any]] | None = None, **others: Any
) -> str:
    name = f"project-{uuid.uuid4().hex[:8]}"
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
        "computeType": "BUILD_GENERAL1_SMALL",
        "environmentVariables": variables or [],
    }
    arguments = {"artifacts": {"type": "NO_ARTIFACTS"}} | others
    cloud.aws.client("codebuild").create_project(
        name=name, source=source, environment=environment, serviceRole=ROLE, **arguments
    )
    return name


def inline(cloud: Cloud, *commands: str, **others: Any) -> str:
    spec = {"version": 0.2, "phases": {"build": {"commands": list(commands)}}}
    return make_project(cloud, {"type": "NO_SOURCE", "buildspec": json.dumps(spec, indent=1)}, **others)


def build(cloud: Cloud, project: str, **arguments: Any) -> dict[str, Any]:
    started = cloud.aws.client("codebuild").start_build(projectName=project, **arguments)["build"]["id"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = cloud.aws.client("codebuild").batch_get_builds(ids=[started])["builds"][0]
        return found if found["currentPhase"] == "COMPLETED" else None

    return wait_until(ended, "the end of the build")


def log_of(cloud: Cloud, build: dict[str, Any]) -> list[str]:
    logs = build["logs"]
    events = cloud.aws.client("logs").get_log_events(
        logGroupName=logs["groupName"], logStreamName=logs["streamName"], startFromHead=True
    )["events"]
    return [event["message"] for event in events]


def phases(build: dict[str, Any]) -> dict[str, str]:
    return {phase["phaseType"]: phase["phaseStatus"] for phase in build["phases"]}


def test_buildspec_of_the_source_runs_in_one_shell_with_the_variables_of_the_project(
    cloud: Cloud, project: str
) -> None:
    done = build(cloud, project)
    assert done["buildStatus"] == "SUCCEEDED"
    log = log_of(cloud, done)
    assert "text in the source" in log
    assert "word two" in log
    assert "kept over commands / spec / project / 5 / me / a parameter" in log
    assert f"{PROJECT}/.venv/bin/python" in log
    assert done["exportedEnvironmentVariables"] == [{"name": "RESULT", "value": "succeeding 1"}]


def test_log_is_also_a_file_of_the_local_cloud(cloud: Cloud, project: str) -> None:
    done = build(cloud, project)
    (file,) = (cloud.aws.settings.logs / "builds").glob(f"*{done['id'].partition(':')[2]}.log")
    assert "text in the source\n" in file.read_text()


def test_artifacts_are_uploaded_under_the_build(cloud: Cloud, project: str, bucket: str) -> None:
    done = build(cloud, project)
    key = f"out/{done['id'].partition(':')[2]}/sub/data.txt"
    assert cloud.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read() == b"text in the source\n"


def test_cache_gives_a_build_what_the_first_successful_one_of_its_key_left(cloud: Cloud, bucket: str) -> None:
    commands = ["echo found $(cat kept/id)", "mkdir -p kept", 'echo "$CODEBUILD_BUILD_ID" > kept/id', "$THEN"]
    cache = {"key": "of-${WORD:-none}-$(echo shell)", "paths": ["kept/*"]}
    spec = {"version": 0.2, "phases": {"build": {"commands": commands}}, "cache": cache}
    project = make_project(cloud, {"type": "NO_SOURCE", "buildspec": json.dumps(spec, indent=1)})

    def found(word: str, then: str = "true") -> tuple[str, str]:
        variables = [{"name": name, "value": value} for name, value in (("WORD", word), ("THEN", then))]
        where = {"type": "S3", "location": f"{bucket}/cache"}
        done = build(cloud, project, environmentVariablesOverride=variables, cacheOverride=where)
        (line,) = (line for line in log_of(cloud, done) if line.startswith("found"))
        return done["id"], line

    assert found("one", then="false")[1] == "found"
    first, line = found("one")
    assert line == "found"
    assert found("one")[1] == f"found {first}"
    assert found("one")[1] == f"found {first}"
    assert found("two")[1] == "found"


def test_variables_given_at_the_start_win(cloud: Cloud, project: str) -> None:
    override = [{"name": "OVERRIDDEN", "value": "start", "type": "PLAINTEXT"}]
    done = build(cloud, project, environmentVariablesOverride=override)
    assert "kept over commands / spec / start / 5 / me / a parameter" in log_of(cloud, done)


@pytest.mark.parametrize("breaking", ["false", "exit 7", "no-such-command"], ids=["fails", "exits", "unknown"])
def test_failing_command_fails_its_phase_and_the_build(cloud: Cloud, project: str, breaking: str) -> None:
    override = [{"name": "BREAK", "value": breaking, "type": "PLAINTEXT"}]
    done = build(cloud, project, environmentVariablesOverride=override)
    assert done["buildStatus"] == "FAILED"
    assert phases(done)["BUILD"] == "FAILED"
    log = log_of(cloud, done)
    assert "never after a failure" not in log
    if breaking == "false":
        (failed,) = (phase for phase in done["phases"] if phase["phaseType"] == "BUILD")
        assert "exit status 1" in failed["contexts"][0]["message"]
        assert "after the build, 0" in log
        assert done["exportedEnvironmentVariables"] == [{"name": "RESULT", "value": "succeeding 0"}]


def test_failed_install_phase_ends_the_build(cloud: Cloud) -> None:
    spec = {"version": 0.2, "phases": {"install": {"commands": ["false"]}, "build": {"commands": ["echo built"]}}}
    done = build(cloud, make_project(cloud, {"type": "NO_SOURCE", "buildspec": json.dumps(spec, indent=1)}))
    assert phases(done)["INSTALL"] == "FAILED"
    assert "BUILD" not in phases(done)


@pytest.mark.parametrize(
    ("source", "variables", "message"),
    [
        ({"type": "S3", "location": "no-such-bucket/x.zip"}, [], "NoSuchBucket"),
        ({"type": "NO_SOURCE", "buildspec": "version: 0.1\nphases: {}"}, [], "version: 0.2"),
        ({"type": "NO_SOURCE", "buildspec": "a: [\n"}, [], "YAML_FILE_ERROR"),
        (
            {"type": "NO_SOURCE", "buildspec": "version: 0.2\nphases: {build: {commands: ['true']}}"},
            [{"name": "PASSWORD", "value": "not-there:key", "type": "SECRETS_MANAGER"}],
            "ResourceNotFoundException",
        ),
    ],
    ids=["no source", "old version", "no YAML", "no secret"],
)
def test_what_cannot_be_prepared_fails_the_build_with_the_reason(
    cloud: Cloud, source: dict[str, Any], variables: list[dict[str, Any]], message: str
) -> None:
    done = build(cloud, make_project(cloud, source, variables))
    assert done["buildStatus"] == "FAILED"
    assert message in "\n".join(log_of(cloud, done))


def test_environment_of_the_caller_does_not_reach_the_build(cloud: Cloud) -> None:
    done = build(cloud, inline(cloud, "env"))
    names = {line.partition("=")[0] for line in log_of(cloud, done)}
    assert not {name for name in names if name.startswith(("XTAGE_", "PYTEST", "STATE_DIR", "S3_", "TMPDIR"))}


def sleepers(seconds: int) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if p.info["cmdline"] == ["sleep", str(seconds)]]


def test_stopped_build_ends_with_all_it_started(cloud: Cloud) -> None:
    project = inline(cloud, "sleep 86301 & sleep 86301")
    started = cloud.aws.client("codebuild").start_build(projectName=project)["build"]["id"]
    wait_until(lambda: len(sleepers(86301)) == 2, "both processes")
    cloud.aws.client("codebuild").stop_build(id=started)
    wait_until(lambda: not sleepers(86301), "the end of both processes")
    (stopped,) = cloud.aws.client("codebuild").batch_get_builds(ids=[started])["builds"]
    assert stopped["buildStatus"] == "STOPPED"


def waiting_state(project: str, **others: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::codebuild:startBuild.sync",
        "Arguments": {
            "ProjectName": project,
            "EnvironmentVariablesOverride": [{"Name": "RUN", "Value": "{% '7' %}", "Type": "PLAINTEXT"}],
        },
        "End": True,
    } | others


def test_state_machine_waits_for_the_build_and_gets_its_result(cloud: Cloud) -> None:
    execution = cloud.run({"Build": waiting_state(inline(cloud, "sleep 1", "echo run $RUN"))})
    result = execution["output"]["Build"]
    assert result["BuildStatus"] == "SUCCEEDED"
    group, stream = result["Logs"]["GroupName"], result["Logs"]["StreamName"]
    assert "run 7" in log_of(cloud, {"logs": {"groupName": group, "streamName": stream}})


def test_failed_build_fails_the_task_with_the_build_as_its_cause(cloud: Cloud, project: str) -> None:
    state = waiting_state(project)
    state["Arguments"]["EnvironmentVariablesOverride"] = [{"Name": "BREAK", "Value": "false", "Type": "PLAINTEXT"}]
    execution = cloud.run({"Build": state})
    assert execution["error"] == "States.TaskFailed"
    cause = json.loads(execution["cause"])
    assert cause["BuildStatus"] == "FAILED"
    assert cause["ExportedEnvironmentVariables"] == [{"Name": "RESULT", "Value": "succeeding 0"}]
    (failed,) = (phase for phase in cause["Phases"] if phase["PhaseType"] == "BUILD")
    assert failed["Contexts"][0]["StatusCode"] == "COMMAND_EXECUTION_ERROR"


def test_stopping_the_execution_stops_its_build(cloud: Cloud) -> None:
    execution = cloud.start(cloud.machine({"Build": waiting_state(inline(cloud, "sleep 86302"))}))
    wait_until(lambda: sleepers(86302), "the build")
    cloud.aws.client("stepfunctions").stop_execution(executionArn=execution)
    wait_until(lambda: not sleepers(86302), "the end of the build")
    assert cloud.describe(execution)["status"] == "ABORTED"


def test_timeout_of_the_state_stops_its_build(cloud: Cloud) -> None:
    execution = cloud.run({"Build": waiting_state(inline(cloud, "sleep 86303"), TimeoutSeconds=1)})
    assert execution["error"] == "States.Timeout"
    wait_until(lambda: not sleepers(86303), "the end of the build")
