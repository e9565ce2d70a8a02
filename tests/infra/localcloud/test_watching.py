"""What CloudWatch does by itself on AWS: metrics out of logs and of services, alarms that follow them, messages."""

import json
import time
import uuid
from typing import Any

import pytest

from tests.infra.localcloud.conftest import Cloud, wait_until

# A figure of 3 under a name that each test chooses.
COUNTING = """
import json, time

def handler(event, context):
    directive = {"Namespace": "test", "Dimensions": [["stage"]], "Metrics": [{"Name": event["name"], "Unit": "Count"}]}
    metadata = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": metadata, "stage": event["stage"], event["name"]: [event["value"]]}))
"""

DOES_NOTHING = {"Done": {"Type": "Succeed"}}
FAILS = {"Failed": {"Type": "Fail", "Error": "Broken"}}


class Alarms:
    """A topic with a queue behind it, and alarms that tell it."""

    def __init__(self, cloud: Cloud) -> None:
        self._watch, self._sqs, sns = cloud.aws.client("cloudwatch"), cloud.aws.client("sqs"), cloud.aws.client("sns")
        name = f"alarms-{uuid.uuid4().hex[:8]}"
        self._queue = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self._topic = sns.create_topic(Name=name)["TopicArn"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=self._topic, Protocol="sqs", Endpoint=asked["Attributes"]["QueueArn"])

    def make(self, namespace: str, metric: str, dimensions: dict[str, str], **changes: Any) -> str:
        """An alarm on a sum of 1 or more, with these changes; returns its name."""
        name = f"alarm-{uuid.uuid4().hex[:8]}"
        settings = {
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            "Threshold": 1,
            "TreatMissingData": "notBreaching",
        }
        self._watch.put_metric_alarm(
            AlarmName=name,
            AlarmDescription="Runbook here",
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            AlarmActions=[self._topic],
            OKActions=[self._topic],
            **settings | changes,
        )
        return name

    def state(self, name: str) -> str:
        return str(self._watch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    def message(self, state: str) -> dict[str, Any]:
        """The next message that tells of this state."""

        def arrived() -> dict[str, Any] | None:
            received = self._sqs.receive_message(QueueUrl=self._queue).get("Messages", [])
            told = [json.loads(json.loads(message["Body"])["Message"]) for message in received]
            return next((message for message in told if message["NewStateValue"] == state), None)

        return wait_until(arrived, f"a message of {state}", 30)


@pytest.fixture
def alarms(cloud: Cloud) -> Alarms:
    return Alarms(cloud)


def test_a_figure_in_a_functions_log_raises_the_alarm_of_its_dimensions_only(cloud: Cloud, alarms: Alarms) -> None:
    name = uuid.uuid4().hex
    of_dev, of_prod = (alarms.make("test", name, {"stage": stage}, Threshold=3) for stage in ("dev", "prod"))
    error, _ = cloud.invoke(cloud.function(COUNTING), {"name": name, "stage": "dev", "value": 3})
    assert error is None
    message = alarms.message("ALARM")
    assert (message["AlarmName"], message["AlarmDescription"]) == (of_dev, "Runbook here")
    assert "3" in message["NewStateReason"]
    assert alarms.state(of_prod) == "OK"


def test_values_below_the_threshold_raise_nothing(cloud: Cloud, alarms: Alarms) -> None:
    name = uuid.uuid4().hex
    alarm = alarms.make("test", name, {"stage": "dev"}, Statistic="Maximum", Threshold=4)
    cloud.invoke(cloud.function(COUNTING), {"name": name, "stage": "dev", "value": 3})
    time.sleep(5)
    assert alarms.state(alarm) == "OK"


def test_an_alarm_ends_when_its_period_is_over(cloud: Cloud, alarms: Alarms) -> None:
    name = uuid.uuid4().hex
    alarms.make("test", name, {"stage": "dev"}, Period=10)
    cloud.invoke(cloud.function(COUNTING), {"name": name, "stage": "dev", "value": 1})
    alarms.message("ALARM")
    assert alarms.message("OK")["OldStateValue"] == "ALARM"


def test_silence_raises_an_alarm_that_says_so(alarms: Alarms) -> None:
    changes = {"ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}
    alarm = alarms.make("test", uuid.uuid4().hex, {}, **changes)
    message = alarms.message("ALARM")
    assert message["AlarmName"] == alarm
    assert "no value" in message["NewStateReason"]


def test_a_failed_execution_is_counted_for_its_state_machine(cloud: Cloud, alarms: Alarms) -> None:
    sound, broken = cloud.machine(DOES_NOTHING), cloud.machine(FAILS)
    names = [alarms.make("AWS/States", "ExecutionsFailed", {"StateMachineArn": arn}) for arn in (sound, broken)]
    for machine in (sound, broken):
        cloud.finished(cloud.start(machine))
    assert alarms.message("ALARM")["AlarmName"] == names[1]
    assert alarms.state(names[0]) == "OK"


def test_an_execution_that_began_is_counted(cloud: Cloud, alarms: Alarms) -> None:
    machine = cloud.machine(DOES_NOTHING)
    changes = {"ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}
    alarms.make("AWS/States", "ExecutionsStarted", {"StateMachineArn": machine}, **changes)
    alarms.message("ALARM")
    cloud.finished(cloud.start(machine))
    assert "1" in alarms.message("OK")["NewStateReason"]


def test_what_waits_in_a_queue_is_measured(cloud: Cloud, alarms: Alarms) -> None:
    name = f"queue-{uuid.uuid4().hex[:8]}"
    sqs = cloud.aws.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    dimensions = {"QueueName": name}
    alarms.make("AWS/SQS", "ApproximateNumberOfMessagesVisible", dimensions, Statistic="Maximum", Period=10)
    sqs.send_message(QueueUrl=url, MessageBody="one")
    alarms.message("ALARM")
    sqs.purge_queue(QueueUrl=url)
    alarms.message("OK")


def test_an_event_whose_state_machine_is_gone_goes_to_the_dead_letter_queue_with_the_reason(cloud: Cloud) -> None:
    name = f"rule-{uuid.uuid4().hex[:8]}"
    machine = cloud.machine(DOES_NOTHING)
    sqs, events = cloud.aws.client("sqs"), cloud.aws.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]
    target = {"Id": "machine", "Arn": machine, "RoleArn": "arn:aws:iam::000000000000:role/test"}
    events.put_targets(Rule=name, Targets=[target | {"DeadLetterConfig": {"Arn": queue}}])

    def send(number: int) -> None:
        entry = {"Source": name, "DetailType": "test", "Detail": json.dumps({"number": number})}
        events.put_events(Entries=[entry])

    send(1)
    wait_until(lambda: executions(cloud, machine), "the execution")
    cloud.aws.client("stepfunctions").delete_state_machine(stateMachineArn=machine)
    send(2)
    asked = {"QueueUrl": url, "MessageAttributeNames": ["All"]}
    (kept,) = wait_until(lambda: sqs.receive_message(**asked).get("Messages"), "the message")
    assert json.loads(kept["Body"])["detail"] == {"number": 2}
    attributes = {key: value["StringValue"] for key, value in kept["MessageAttributes"].items()}
    assert attributes == {"RULE_ARN": rule, "TARGET_ARN": machine, "ERROR_CODE": "NO_RESOURCE"}


def executions(cloud: Cloud, machine: str) -> Any:
    return cloud.aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
