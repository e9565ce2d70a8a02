"""The real state machine with its role and what starts it, on the embedded AWS, with scripted Lambdas for loaders."""

import io
import json
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.aws import Aws
from xtage.deploy import PROJECT
from xtage.deploy.package import TEMPLATES

DEFINITION = PROJECT / "orchestration" / "pipeline.asl.json"
FUNCTIONS = (
    *("OpenRun", "NextRound", "Load", "Split", "Land", "RecordFailure"),
    *("NeedsBuild", "PlanLake", "SwitchLake", "CopyToRedshift", "CloseRun", "FailRun"),
)
BUILD_PROJECT = "scripted"
JOB = "scripted"
STACK = "scripted"
STAGE = "test"
DROPS = "scripted-drops"
ROLE = "arn:aws:iam::000000000000:role/test"

# Writes down each call, then answers with the next line of its script, the last one again and again.
STUB = """
import fcntl, json, os
from pathlib import Path

def answer(event, context):
    directory = Path(os.environ["SCRIPT_DIRECTORY"])
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with (directory / "calls").open("a") as calls:
            calls.write(json.dumps([os.environ["NAME"], event]) + "\\n")
        script = directory / os.environ["NAME"]
        lines = script.read_text().splitlines()
        script.write_text("\\n".join(lines[1:] or lines))
    line = json.loads(lines[0])
    if "raise" in line:
        # Step Functions names an error after its class; those of the Lambda service have a dot.
        raise type(line["raise"], (Exception,), {})(line["message"])
    return line
"""


# Writes down the place it was given, as the functions write down their calls; fails for one that is called odd.
JOB_SCRIPT = """
import json, sys
location = sys.argv[sys.argv.index("--location") + 1]
with open("CALLS", "a") as calls:
    calls.write(json.dumps(["Job", {"location": location, "lake": "--lake" in sys.argv}]) + "\\n")
if "odd" in location:
    raise ValueError("the place is odd")
"""


# Fails when told to by the source, and says why as the real one does: in a variable that it exports.
BUILDSPEC = """
version: 0.2
env:
  exported-variables: [DBT_FAILURE, DBT_FAILED_TESTS]
phases:
  build:
    commands:
      - echo "run $XTAGE_RUN_ID"
      - test ! -f broken
      - test "$DBT_TARGET" != redshift || test ! -f redshift_broken
  post_build:
    commands:
      - if test -f reason; then export DBT_FAILURE="$(cat reason)"; fi
      - if test -f count; then export DBT_FAILED_TESTS="$(cat count)"; fi
"""


@dataclass
class Pipeline:
    """The state machine and the scripts of the functions it calls."""

    aws: Aws
    directory: Path
    arn: str = ""
    told: str = ""
    states: Any = None

    def __post_init__(self) -> None:
        self.states = self.aws.client("stepfunctions")

    def script(self, **lines: dict[str, Any] | list[dict[str, Any]]) -> None:
        """What each function answers, call by call; {"raise": class, "message": text} makes it raise."""
        for name, answers in lines.items():
            answers = answers if isinstance(answers, list) else [answers]
            (self.directory / name).write_text("\n".join(json.dumps(answer) for answer in answers))

    def script_build(self, **files: str) -> None:
        """What lies beside the buildspec: `broken` makes the build fail, `reason` is what it exports."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            for name, text in {"buildspec.yml": BUILDSPEC, **files}.items():
                zipped.writestr(name, text)
        self.aws.client("s3").put_object(Bucket=BUILD_PROJECT, Key="source.zip", Body=archive.getvalue())

    def start(self, **event: Any) -> str:
        """Starts an execution; returns its ARN."""
        started = self.states.start_execution(stateMachineArn=self.arn, input=json.dumps(event))
        return str(started["executionArn"])

    def finish(self, execution: str) -> dict[str, Any]:
        """The execution as described, once it has ended."""
        deadline = time.monotonic() + 120
        while (found := self.states.describe_execution(executionArn=execution))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{execution} does not end"
            time.sleep(0.05)
        return dict(found)

    def start_and_stay(self) -> str:
        """Starts an execution that stays in its first round until it is stopped; returns its ARN."""
        self.script(NextRound={"raise": "TransientError", "message": "try again"})
        execution = self.start()
        self.wait_for_calls("NextRound", 1)
        return execution

    def wait_for_calls(self, function: str, count: int) -> None:
        """Waits until a function was called so many times."""
        deadline = time.monotonic() + 60
        while len(self.calls(function)) < count:
            assert time.monotonic() < deadline, f"{function} is not called {count} times"
            time.sleep(0.05)

    def stop(self, execution: str) -> None:
        """Stops an execution from outside, as a person does in the console."""
        self.states.stop_execution(executionArn=execution)

    def run(self, **event: Any) -> dict[str, Any]:
        """Runs to the end; returns the execution as described, with `output` parsed."""
        found = self.finish(self.start(**event))
        return {**found, "output": json.loads(found["output"]) if "output" in found else None}

    def calls(self, function: str | None = None) -> list[Any]:
        """The payloads one function was called with, or every call as [function, payload]."""
        file = self.directory / "calls"
        calls = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return calls if function is None else [payload for name, payload in calls if name == function]

    def notices(self) -> list[tuple[str, str]]:
        """Subject and message of what was told since it was last asked for."""
        sqs = self.aws.client("sqs")
        received = sqs.receive_message(QueueUrl=self.told, MaxNumberOfMessages=10).get("Messages", [])
        for message in received:
            sqs.delete_message(QueueUrl=self.told, ReceiptHandle=message["ReceiptHandle"])
        bodies = [json.loads(message["Body"]) for message in received]
        return [(body["Subject"], body["Message"]) for body in bodies]


@pytest.fixture(scope="session")
def machine(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """The state machine over scripted functions, made once."""
    pipeline = Pipeline(aws, tmp_path_factory.mktemp("scripts"))
    aws.client("s3").create_bucket(Bucket=BUILD_PROJECT)
    project = aws.client("codebuild").create_project(
        name=BUILD_PROJECT,
        source={"type": "S3", "location": f"{BUILD_PROJECT}/source.zip"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment={"type": "LINUX_CONTAINER", "image": "any", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=ROLE,
    )
    script = JOB_SCRIPT.replace("CALLS", str(pipeline.directory / "calls"))
    aws.client("s3").put_object(Bucket=BUILD_PROJECT, Key="job.py", Body=script.encode())
    command = {"Name": "glueetl", "ScriptLocation": f"s3://{BUILD_PROJECT}/job.py"}
    aws.client("glue").create_job(Name=JOB, Role=ROLE, Command=command)
    pipeline.arn = _deploy(pipeline, project["project"]["arn"])
    return pipeline


def _deploy(pipeline: Pipeline, build_project: str) -> str:
    """Makes a stack of the template with what stands in the places of the others; gives the state machine's ARN."""
    s3 = pipeline.aws.client("s3")
    s3.put_object(Bucket=BUILD_PROJECT, Key=DEFINITION.name, Body=DEFINITION.read_bytes())
    s3.create_bucket(Bucket=DROPS)
    told = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=DROPS, NotificationConfiguration=told)
    parameters = {f"{name}FunctionArn": make_function(pipeline, name) for name in FUNCTIONS} | {
        "Stage": STAGE,
        "ArtifactBucketName": BUILD_PROJECT,
        "DefinitionKey": DEFINITION.name,
        "BuildProjectName": BUILD_PROJECT,
        "BuildProjectArn": build_project,
        "FlattenJobName": JOB,
        "PublishJobName": JOB,
        "RawBucketName": DROPS,
        "SweepSchedule": "rate(1 day)",
        "AlarmTopicArn": _make_topic(pipeline),
    }
    cloudformation = pipeline.aws.client("cloudformation")
    cloudformation.create_stack(
        StackName=STACK,
        TemplateBody=(PROJECT / TEMPLATES / "orchestration.yaml").read_text(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=STACK, WaiterConfig={"Delay": 1})
    (stack,) = cloudformation.describe_stacks(StackName=STACK)["Stacks"]
    outputs = {output["OutputKey"]: str(output["OutputValue"]) for output in stack["Outputs"]}
    return outputs["StateMachineArn"]


@pytest.fixture
def pipeline(machine: Pipeline) -> Pipeline:
    """The state machine over functions that do one round, two files, and no build."""
    for file in machine.directory.iterdir():
        file.unlink()
    machine.script(
        OpenRun={"outcome": "opened", "run_id": 7, "holder": None},
        NextRound={"deliveries": [{"delivery_id": 1}, {"delivery_id": 2}]},
        Load={"status": "loaded"},
        Split={"outcome": "split", "prefix": "work/1/", "location": "s3://bucket/work/1/"},
        Land={"status": "loaded"},
        RecordFailure={},
        NeedsBuild={"build": "no", "redshift": "no"},
        PlanLake={"outcome": "unchanged"},
        SwitchLake={},
        CopyToRedshift={"outcome": "done"},
        CloseRun={"outcome": "closed", "records_loaded": 2},
        FailRun={},
    )
    return machine


def make_function(pipeline: Pipeline, name: str) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("stub.py", STUB)
    environment = {"SCRIPT_DIRECTORY": str(pipeline.directory), "NAME": name}
    created = pipeline.aws.client("lambda").create_function(
        FunctionName=f"scripted-{name}",
        Runtime="python3.11",
        Handler="stub.answer",
        Role=ROLE,
        Timeout=30,
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": environment},
    )
    return str(created["FunctionArn"])


def _make_topic(pipeline: Pipeline) -> str:
    """A topic, and a queue that shows what was told to it."""
    sns, sqs = pipeline.aws.client("sns"), pipeline.aws.client("sqs")
    topic = str(sns.create_topic(Name="scripted-alarms")["TopicArn"])
    pipeline.told = sqs.create_queue(QueueName="scripted-alarms")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=pipeline.told, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    return topic
