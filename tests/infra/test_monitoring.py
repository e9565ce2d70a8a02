"""The alarms: each leads to a runbook, each says what silence means, all of them to one topic."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from loaders.contract import load_contracts
from loaders.notices import RUNBOOK
from tests.infra.test_templates import DIRECTORY, resources
from xtage.cli import VERBS
from xtage.deploy import PROJECT
from xtage.templates.reading import read_template

RUNBOOKS = PROJECT / "docs" / "runbooks"
ALARMS = resources("AWS::CloudWatch::Alarm")
SECTIONS = ("## What it means", "## Look at first", "## What to do", "## How it ends")
named = pytest.mark.parametrize(("name", "alarm"), ALARMS, ids=[name for name, _ in ALARMS])


def runbook(alarm: dict[str, Any]) -> str:
    """The runbook that the alarm's description names."""
    found = re.search(r"Runbook docs/runbooks/([a-z-]+)\.md$", alarm["AlarmDescription"])
    assert found, alarm["AlarmDescription"]
    return found[1]


def test_every_alarm_and_notice_has_a_runbook_and_every_runbook_an_alarm_or_notice() -> None:
    led_to = {runbook(alarm) for _, alarm in ALARMS} | {(PROJECT / RUNBOOK).stem}
    assert led_to == {path.stem for path in RUNBOOKS.glob("*.md")}


@named
def test_a_runbook_has_the_name_of_its_alarm(name: str, alarm: dict[str, Any]) -> None:
    assert alarm["AlarmName"]["Fn::Sub"].startswith(f"xtage-${{Stage}}-{runbook(alarm)}")


@named
def test_every_alarm_says_what_missing_data_means_and_is_told(name: str, alarm: dict[str, Any]) -> None:
    assert alarm["TreatMissingData"] in ("breaching", "notBreaching", "ignore", "missing")
    assert alarm["AlarmActions"] in ([{"Ref": "AlarmTopic"}], [{"Ref": "AlarmTopicArn"}])


def test_every_feed_has_an_alarm_for_the_time_that_its_contract_promises() -> None:
    late = {alarm["Dimensions"][0]["Value"]: alarm["Threshold"] for name, alarm in ALARMS if name.startswith("feeds.")}
    assert late == {feed: one.freshness.warn_after_hours * 3600 for feed, one in load_contracts().items()}


def test_what_a_person_would_want_at_night_is_watched() -> None:
    watched = {(alarm["Namespace"], alarm["MetricName"]) for _, alarm in ALARMS}
    assert watched == {
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsStarted"),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/RDS", "FreeStorageSpace"),
        ("AWS/ApiGateway", "5XXError"),
        ("AWS/ApiGateway", "Latency"),
        ("xtage", "RejectRate"),
        ("xtage", "DeliveryAge"),
    }


def test_figures_of_the_project_are_emitted_under_the_names_that_alarms_and_dashboard_use() -> None:
    emitted = (PROJECT / "loaders" / "metrics.py").read_text()
    body = dict(resources("AWS::CloudWatch::Dashboard"))["monitoring.Dashboard"]["DashboardBody"]["Fn::Sub"]
    drawn = re.findall(r'\["xtage", "(\w+)"', body) + re.findall(r'MetricName=\\"(\w+)\\"', body)
    alarmed = [alarm["MetricName"] for _, alarm in ALARMS if alarm["Namespace"] == "xtage"]
    assert drawn
    assert not [name for name in {*drawn, *alarmed} if f'"{name}"' not in emitted]


def test_the_dashboard_is_json_and_shows_every_alarm_of_its_template() -> None:
    body = dict(resources("AWS::CloudWatch::Dashboard"))["monitoring.Dashboard"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    shown = [re.sub(r"\W", "", name).removesuffix("Arn") for name in widgets[0]["properties"]["alarms"]]
    assert sorted(f"monitoring.{name}" for name in shown) == sorted(
        name for name, _ in ALARMS if name.startswith("monitoring.")
    )


def test_only_alarms_of_the_stage_may_publish_beside_the_state_machine() -> None:
    policy = dict(resources("AWS::SNS::TopicPolicy"))["monitoring.AlarmTopicPolicy"]["PolicyDocument"]["Statement"]
    allowed = [statement for statement in policy if statement["Effect"] == "Allow"]
    assert [statement["Principal"] for statement in allowed] == [{"Service": "cloudwatch.amazonaws.com"}]
    assert allowed[0]["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Sub"].endswith(":alarm:xtage-${Stage}-*")


def test_what_starts_the_pipeline_has_a_dead_letter_queue_that_only_it_may_fill() -> None:
    rules = [rule for name, rule in resources("AWS::Events::Rule") if name.startswith("orchestration.")]
    assert len(rules) == 2
    for rule in rules:
        (target,) = rule["Targets"]
        assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["UndeliveredQueue", "Arn"]}}
    policy = dict(resources("AWS::SQS::QueuePolicy"))["orchestration.UndeliveredQueuePolicy"]["PolicyDocument"]
    assert policy["Statement"][0]["Principal"] == {"Service": "events.amazonaws.com"}
    assert dict(resources("AWS::SQS::Queue"))["orchestration.UndeliveredQueue"]["SqsManagedSseEnabled"] is True


def test_the_state_machine_writes_a_log_without_what_its_states_hold() -> None:
    ((_, machine),) = resources("AWS::StepFunctions::StateMachine")
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    group = read_template(DIRECTORY / "orchestration.yaml")["Resources"]["StateMachineLogs"]["Properties"][
        "LogGroupName"
    ]
    assert group["Fn::Sub"].startswith("/aws/vendedlogs/states/")


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_what_to_look_at_what_to_do_and_how_it_ends(path: Path) -> None:
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(SECTIONS)
    # No command that does not exist.
    commands = set(re.findall(r"^xtage (\w+)", text, re.MULTILINE))
    assert commands <= set(VERBS)
