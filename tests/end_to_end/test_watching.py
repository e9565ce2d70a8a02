"""Something breaks at night: whoever watches hears of it, with the file or the alarm, and what to read."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pg8000.dbapi
import pytest
import requests

from localcloud.postgres import Postgres
from localcloud.settings import Settings
from samples import FILES, make_samples
from tests.end_to_end.conftest import Cloud

BUCKET = "xtage-data-pipeline"
SALES = "Transaction_ID,Product_ID,Quantity,Price,Transaction_Date\n"
FLAT_FEEDS = ("sales", "transactions", "products", "customers", "exchange_rates")


class Inbox:
    """What the stage's topic has told, through a queue that is subscribed to it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud, self._sqs = cloud, cloud.client("sqs")
        self.url = self._sqs.create_queue(QueueName="inbox")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        (stack,) = cloud.client("cloudformation").describe_stacks(StackName="xtage-local")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        endpoint = asked["Attributes"]["QueueArn"]
        cloud.client("sns").subscribe(TopicArn=outputs["AlarmTopicArn"], Protocol="sqs", Endpoint=endpoint)
        self.messages: list[tuple[str, str]] = []

    def wait_for(self, what: str, wanted: Callable[[str, str], bool], seconds: float = 120) -> tuple[str, str]:
        """Subject and text of the first message that is wanted."""
        self._cloud.wait_for(what, lambda: any(wanted(*message) for message in self._received()), seconds)
        return next(message for message in self.messages if wanted(*message))

    def alarm(self, name: str, state: str = "ALARM") -> dict[str, Any]:
        """The message that tells of an alarm, by its name without the stage."""
        subject = f'{state}: "xtage-local-{name}" in us-east-1'
        _, text = self.wait_for(f"{name} is {state}", lambda told, _: told == subject)
        message: dict[str, Any] = json.loads(text)
        return message

    def _received(self) -> list[tuple[str, str]]:
        for message in self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", []):
            body = json.loads(message["Body"])
            self.messages.append((body["Subject"], body["Message"]))
            self._sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return self.messages


@pytest.fixture(scope="module")
def inbox(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Inbox:
    """An inbox, after a sound run of five feeds."""
    inbox = Inbox(cloud)
    directory = tmp_path_factory.mktemp("samples")
    make_samples(directory, seed=5, records=100)
    cloud.ok("drop", *(str(directory / FILES[feed]) for feed in FLAT_FEEDS))
    cloud.ok("run")
    cloud.wait_until_idle()
    return inbox


@pytest.fixture
def database(cloud: Cloud) -> Iterator[pg8000.dbapi.Connection]:
    with closing(Postgres(Settings.from_environment(cloud.environment)).connect()) as connection:
        connection.autocommit = True
        yield connection


def states(cloud: Cloud) -> dict[str, str]:
    found = cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix="xtage-local-")["MetricAlarms"]
    return {alarm["AlarmName"].removeprefix("xtage-local-"): alarm["StateValue"] for alarm in found}


def sales_csv(*records: str) -> bytes:
    return (SALES + "\n".join([*records, ""])).encode()


def test_a_sound_run_raises_no_alarm_and_tells_nobody(cloud: Cloud, inbox: Inbox) -> None:
    time.sleep(5)
    assert {name for name, state in states(cloud).items() if state == "ALARM"} == set()
    assert [subject for subject, _ in inbox._received() if not subject.startswith("OK")] == []


def test_the_figures_of_a_run_are_metrics_of_the_stage_and_its_feeds(cloud: Cloud, inbox: Inbox) -> None:
    listed = cloud.client("cloudwatch").list_metrics(Namespace="xtage")["Metrics"]
    feeds: dict[str, set[str]] = {}
    for metric in listed:
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
        assert dimensions["stage"] == "local"
        feeds.setdefault(metric["MetricName"], set()).add(dimensions.get("feed", ""))
    of_files = {"", *FLAT_FEEDS}
    for name in ("FilesLanded", "RecordsLanded", "RecordsRejected", "BytesLanded", "LoadDuration", "DropToMart"):
        assert feeds[name] == of_files, name
    assert feeds["DeliveryAge"] == {"", *FLAT_FEEDS, "orders"}
    assert feeds["RunsSucceeded"] == feeds["RunDuration"] == feeds["FailedTests"] == {""}


def test_a_refused_file_is_told_with_its_reason_and_without_its_content(cloud: Cloud, inbox: Inbox) -> None:
    cloud.put("raw/sales/refused.csv", b"Ada Lovelace,1815\n")
    subject, text = inbox.wait_for("the refusal is told", lambda _, text: "raw/sales/refused.csv" in text)
    assert subject == "xtage local: a file of sales was refused"
    assert "Reason: no header of feed sales" in text
    assert "What to do: deliver a file with the columns Transaction_ID" in text
    assert "docs/runbooks/file-refused.md" in text
    assert "Ada" not in text
    cloud.wait_until_idle()


def test_a_file_of_no_feed_is_told(cloud: Cloud, inbox: Inbox) -> None:
    cloud.put("what_is_this.csv", b"a\n1\n")
    subject, _ = inbox.wait_for("the stray is told", lambda _, text: "what_is_this.csv" in text)
    assert subject == "xtage local: a file of no feed was dropped"
    cloud.wait_until_idle()


def test_a_file_with_many_rejects_raises_an_alarm(cloud: Cloud, inbox: Inbox) -> None:
    cloud.put("raw/sales/dirty.csv", sales_csv("900001,1001,2,1.50,2022-03-04", "900002,1001,2", "900003,1001"))
    message = inbox.alarm("reject-rate")
    assert "docs/runbooks/reject-rate.md" in message["AlarmDescription"]
    cloud.wait_until_idle()


def test_a_feed_that_brings_nothing_in_its_time_raises_its_own_alarm(cloud: Cloud, inbox: Inbox) -> None:
    assert states(cloud)["feed-late-exchange_rates"] == "OK"
    age_deliveries(cloud, "exchange_rates", timedelta(days=3))
    # As the schedule would: a run that is asked for builds as well.
    sweep = json.dumps({"trigger": "sweep", "sweep": True})
    machine = cloud.status()["state_machine_arn"]
    cloud.client("stepfunctions").start_execution(stateMachineArn=machine, input=sweep)
    message = inbox.alarm("feed-late-exchange_rates")
    assert "docs/runbooks/feed-late.md" in message["AlarmDescription"]
    assert states(cloud)["feed-late-sales"] == "OK"


def age_deliveries(cloud: Cloud, feed: str, by: timedelta) -> None:
    """Lets time pass for one feed."""
    with closing(Postgres(Settings.from_environment(cloud.environment)).connect()) as connection:
        cursor = connection.cursor()
        seconds = by.total_seconds()
        cursor.execute(
            "update ops.deliveries set delivered_at = delivered_at - make_interval(secs => %s) where feed = %s",
            (seconds, feed),
        )
        connection.commit()


def test_a_broken_feed_fails_the_run_which_raises_an_alarm_and_mended_it_lands(
    cloud: Cloud, inbox: Inbox, database: pg8000.dbapi.Connection
) -> None:
    cursor = database.cursor()
    cursor.execute("alter table raw.sales rename to sales_gone")
    try:
        cloud.put("raw/sales/late_night.csv", sales_csv("910001,1001,2,1.50,2022-03-04"))
        _, text = inbox.wait_for("the file is told", lambda _, text: "late_night.csv" in text)
        assert "apply the migrations" in text
        assert cloud.run("run").returncode == 1
        message = inbox.alarm("run-failed")
        assert "docs/runbooks/run-failed.md" in message["AlarmDescription"]
    finally:
        cursor.execute("alter table raw.sales_gone rename to sales")
    cloud.ok("replay", "--key", "raw/sales/late_night.csv")
    cloud.ok("run")
    assert cloud.sql("select count(*) as n from marts.unified_sales where transaction_id = 910001") == [{"n": 1}]


def test_an_api_that_fails_raises_an_alarm(cloud: Cloud, inbox: Inbox) -> None:
    cloud.wait_until_idle()
    status = cloud.status()
    postgres = Postgres(Settings.from_environment(cloud.environment))
    postgres.stop()
    try:
        answers = [
            requests.get(f"{status['api_url']}/v1/sales", headers={"x-api-key": status["api_key"]}, timeout=60)
            for _ in range(5)
        ]
    finally:
        postgres.start()
    assert {answer.status_code for answer in answers} == {503}
    assert "docs/runbooks/api-errors.md" in inbox.alarm("api-errors")["AlarmDescription"]


def test_a_password_that_cannot_be_changed_raises_an_alarm(cloud: Cloud, inbox: Inbox) -> None:
    event = {"SecretId": "nowhere", "ClientRequestToken": "1", "Step": "createSecret"}
    answer = cloud.client("lambda").invoke(FunctionName="xtage-local-rotate", Payload=json.dumps(event).encode())
    assert "FunctionError" in answer
    assert "docs/runbooks/rotation-failed.md" in inbox.alarm("rotation-failed")["AlarmDescription"]


@pytest.mark.parametrize(
    ("alarm", "namespace", "metric", "dimension", "value"),
    [
        ("database-storage", "AWS/RDS", "FreeStorageSpace", "DBInstanceIdentifier", 2**20),
        ("api-latency", "AWS/ApiGateway", "Latency", "ApiName", 9000),
    ],
    ids=["database-storage", "api-latency"],
)
def test_figures_that_this_machine_has_not_raise_their_alarms(
    cloud: Cloud, inbox: Inbox, alarm: str, namespace: str, metric: str, dimension: str, value: float
) -> None:
    """RDS tells of no storage here, and no request takes as long: their figures are put in their place."""
    watch = cloud.client("cloudwatch")
    (made,) = watch.describe_alarms(AlarmNames=[f"xtage-local-{alarm}"])["MetricAlarms"]
    assert made["Dimensions"][0]["Name"] == dimension
    for minutes in (0, 5, 10):
        at = datetime.now(UTC) - timedelta(minutes=minutes)
        data = [
            {"MetricName": metric, "Dimensions": made["Dimensions"], "Timestamp": at, "Values": [value], "Counts": [50]}
        ]
        watch.put_metric_data(Namespace=namespace, MetricData=data)
    assert f"docs/runbooks/{alarm}.md" in inbox.alarm(alarm)["AlarmDescription"]


def test_every_alarm_of_the_stage_has_a_state(cloud: Cloud, inbox: Inbox) -> None:
    found = states(cloud)
    names = {
        "run-failed",
        "pipeline-silent",
        "undelivered",
        "rotation-failed",
        "reject-rate",
        "database-storage",
        "api-errors",
        "api-latency",
    }
    assert set(found) == names | {f"feed-late-{feed}" for feed in (*FLAT_FEEDS, "orders")}
    assert found["pipeline-silent"] == "OK"


def test_a_drop_that_cannot_start_the_pipeline_is_kept_and_raises_an_alarm_and_so_does_the_silence(
    cloud: Cloud, inbox: Inbox
) -> None:
    """The last of these tests: the stage has no state machine after it."""
    cloud.wait_until_idle()
    machine = cloud.status()["state_machine_arn"]
    shorten_the_hour(cloud, "pipeline-silent")
    cloud.client("stepfunctions").delete_state_machine(stateMachineArn=machine)
    cloud.put("raw/sales/unheard.csv", sales_csv("920001,1001,2,1.50,2022-03-04"))
    assert "docs/runbooks/undelivered.md" in inbox.alarm("undelivered")["AlarmDescription"]
    silence = inbox.alarm("pipeline-silent")
    assert "docs/runbooks/pipeline-silent.md" in silence["AlarmDescription"]
    assert "no value" in silence["NewStateReason"]
    sqs = cloud.client("sqs")
    url = sqs.get_queue_url(QueueName="xtage-local-undelivered")["QueueUrl"]
    (kept,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(kept["Body"])["detail"]["object"]["key"] == "raw/sales/unheard.csv"


def shorten_the_hour(cloud: Cloud, alarm: str) -> None:
    """Lets an alarm, as it is deployed, look at ten seconds in place of an hour."""
    watch = cloud.client("cloudwatch")
    (made,) = watch.describe_alarms(AlarmNames=[f"xtage-local-{alarm}"])["MetricAlarms"]
    assert (made["StateValue"], made["Period"]) == ("OK", 3600)
    known = watch.meta.service_model.operation_model("PutMetricAlarm").input_shape.members
    watch.put_metric_alarm(**{name: value for name, value in made.items() if name in known} | {"Period": 10})
