"""The state machine engine: what the pipeline relies on."""

import json
import uuid
from typing import Any

from tests.infra.localcloud.conftest import ROLE, Cloud, task, wait_until

FLAKY = """
import os
class TransientError(Exception): pass
class DataError(Exception): pass
def handler(event, context):
    if event.get("bad"): raise DataError(str(event["bad"]))
    if not os.path.exists(event["mark"]):
        open(event["mark"], "w").close()
        raise TransientError("not yet")
    return {"item": event["item"]}
"""


def test_map_retries_transient_errors_and_catches_the_others_by_name(cloud: Cloud, tmp_path: Any) -> None:
    flaky = cloud.function(FLAKY)
    load = task(
        flaky,
        Retry=[{"ErrorEquals": ["TransientError"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 1}],
        Catch=[
            {"ErrorEquals": ["States.ALL"], "Next": "Record", "Output": {"failed": "{% $states.errorOutput.Error %}"}}
        ],
    )
    record = {"Type": "Pass", "End": True}
    items = [{"item": n, "mark": str(tmp_path / str(n))} for n in range(3)] + [{"bad": "no such column"}]
    execution = cloud.run(
        {
            "Each": {
                "Type": "Map",
                "Items": "{% $states.input %}",
                "MaxConcurrency": 4,
                "ItemProcessor": {"StartAt": "Load", "States": {"Load": load, "Record": record}},
                "Assign": {"loaded": "{% $count($states.result[item >= 0]) %}"},
                "Next": "Total",
            },
            "Total": {"Type": "Pass", "Output": {"loaded": "{% $loaded %}", "all": "{% $states.input %}"}, "End": True},
        },
        items,
    )
    assert execution["output"] == {"loaded": 3, "all": [{"item": 0}, {"item": 1}, {"item": 2}, {"failed": "DataError"}]}


def test_choice_loop_and_variables_work_in_jsonata(cloud: Cloud) -> None:
    execution = cloud.run(
        {
            "Begin": {"Type": "Pass", "Assign": {"round": 0}, "Next": "Round"},
            "Round": {"Type": "Pass", "Assign": {"round": "{% $round + 1 %}"}, "Next": "More"},
            "More": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $round < 3 %}", "Next": "Round"}],
                "Default": "Done",
            },
            "Done": {"Type": "Pass", "Output": "{% $round %}", "End": True},
        }
    )
    assert execution["output"] == 3


def describing(arn: str) -> dict[str, Any]:
    return {
        "Describe": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:describeExecution",
            "Arguments": {"ExecutionArn": arn},
            "Output": "{% $states.result.Status %}",
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Gone", "Output": "{% $states.errorOutput.Error %}"}],
            "End": True,
        },
        "Gone": {"Type": "Pass", "End": True},
    }


def test_execution_can_describe_another(cloud: Cloud) -> None:
    other = cloud.start(cloud.machine({"Hold": {"Type": "Wait", "Seconds": 600, "End": True}}))
    assert cloud.run(describing(other))["output"] == "RUNNING"
    cloud.aws.client("stepfunctions").stop_execution(executionArn=other)
    assert cloud.run(describing(other))["output"] == "ABORTED"
    assert cloud.run(describing(other + "-not"))["output"] == "Sfn.ExecutionDoesNotExistException"


def test_execution_can_start_another(cloud: Cloud) -> None:
    other = cloud.machine({"Done": {"Type": "Succeed"}})
    execution = cloud.run(
        {
            "Start": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution",
                "Arguments": {"StateMachineArn": other, "Input": {"from": "{% $states.context.Execution.Id %}"}},
                "Output": "{% $states.result.ExecutionArn %}",
                "End": True,
            }
        }
    )
    assert cloud.finished(execution["output"])["status"] == "SUCCEEDED"


def test_stopped_execution_begins_nothing_more_and_stays_aborted(cloud: Cloud, tmp_path: Any) -> None:
    function = cloud.function(
        """
        import time, pathlib
        class TransientError(Exception): pass
        def handler(event, context):
            pathlib.Path(event["directory"], str(event["item"])).touch()
            time.sleep(0.5)
            raise TransientError("always")
        """
    )
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 50, "BackoffRate": 1}]
    machine = cloud.machine(
        {
            "Each": {
                "Type": "Map",
                "Items": "{% [1..20].{'item': $, 'directory': $states.input} %}",
                "MaxConcurrency": 2,
                "ItemProcessor": {"StartAt": "Load", "States": {"Load": task(function, Retry=retry)}},
                "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Fail"}],
                "End": True,
            },
            "Fail": {"Type": "Fail", "Error": "Failed"},
        }
    )
    execution = cloud.start(machine, str(tmp_path))
    wait_until(lambda: len(list(tmp_path.iterdir())) >= 2, "the first two items")
    cloud.aws.client("stepfunctions").stop_execution(executionArn=execution, cause="by a test")
    for file in tmp_path.iterdir():
        file.unlink()
    # Whatever ran is over after this: the invocations under way, and any retry a second after them.
    cloud.run({"Hold": {"Type": "Wait", "Seconds": 3, "End": True}})
    assert list(tmp_path.iterdir()) == []
    described = cloud.describe(execution)
    assert (described["status"], described["cause"]) == ("ABORTED", "by a test")


def test_execution_ends_with_the_stack_of_its_machine(cloud: Cloud) -> None:
    name, formation = f"machine-{uuid.uuid4().hex[:8]}", cloud.aws.client("cloudformation")
    states = {"Hold": {"Type": "Wait", "Seconds": 300, "End": True}}
    machine = {"StateMachineName": name, "RoleArn": ROLE, "Definition": {"StartAt": "Hold", "States": states}}
    template = {"Resources": {"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}}}
    formation.create_stack(StackName=name, TemplateBody=json.dumps(template))
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    described = formation.describe_stack_resources(StackName=name)["StackResources"]
    execution = cloud.start(described[0]["PhysicalResourceId"])
    formation.delete_stack(StackName=name)
    assert cloud.finished(execution)["status"] == "ABORTED"


def test_dropped_object_starts_an_execution_with_its_version_and_sequencer(cloud: Cloud) -> None:
    bucket = f"drop-{uuid.uuid4().hex[:8]}"
    s3, events = cloud.aws.client("s3"), cloud.aws.client("events")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    machine = cloud.machine({"Keep": {"Type": "Pass", "End": True}})
    pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [bucket]}}}
    events.put_rule(Name=bucket, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=bucket, Targets=[{"Id": "machine", "Arn": machine, "RoleArn": "arn:aws:iam::0:role/x"}])
    versions = [s3.put_object(Bucket=bucket, Key="raw/a é+b.csv", Body=body)["VersionId"] for body in (b"1", b"22")]

    def executions() -> list[dict[str, Any]] | None:
        found = cloud.aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
        return found if len(found) == 2 else None

    started = wait_until(executions, "an execution for each object")
    inputs = [json.loads(cloud.finished(execution["executionArn"])["input"]) for execution in started]
    objects = sorted((event["detail"]["object"] for event in inputs), key=lambda item: item["sequencer"])
    assert [item["version-id"] for item in objects] == versions
    assert [item["size"] for item in objects] == [1, 2]
    assert {item["key"] for item in objects} == {"raw/a é+b.csv"}
    assert inputs[0]["detail-type"] == "Object Created"
