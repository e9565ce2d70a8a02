"""The alarms: each leads to a runbook, each says what silence means, all of them to one topic."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from loaders.contract import load_contracts
from loaders.metrics import OF_FILES, OF_SWEEPS, UNITS
from loaders.notices import RUNBOOK
from tests.infra.test_templates import DIRECTORY, described, resources
from xtage.cli import VERBS
from xtage.deploy import PROJECT

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
        ("AWS/Lambda", "Errors"),
        ("AWS/RDS", "FreeStorageSpace"),
        ("AWS/ApiGateway", "5XXError"),
        ("AWS/ApiGateway", "Latency"),
        ("xtage", "RejectRate"),
        ("xtage", "DeliveryAge"),
    }


def test_figures_of_the_project_are_emitted_under_the_names_that_alarms_and_dashboard_use() -> None:
    body = dict(resources("AWS::CloudWatch::Dashboard"))["monitoring.Dashboard"]["DashboardBody"]["Fn::Sub"]
    drawn = re.findall(r'\["xtage", "(\w+)"', body) + re.findall(r'MetricName=\\"(\w+)\\"', body)
    alarmed = [alarm["MetricName"] for _, alarm in ALARMS if alarm["Namespace"] == "xtage"]
    assert drawn
    assert {*drawn, *alarmed} <= UNITS.keys()
    # What the page about watching calls them, and how many it says there are.
    page = (PROJECT / "docs" / "watching.md").read_text()
    assert not [name for name in UNITS if f"`{name}`" not in page]
    feeds = len(load_contracts())
    assert f"there are {len(UNITS) + feeds * (len(OF_FILES) + len(OF_SWEEPS))} of them at most" in page


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


THE_QUEUE = ({"Fn::GetAtt": ["UndeliveredQueue", "Arn"]}, {"Ref": "UndeliveredQueueArn"})


def test_nothing_that_a_rule_or_schedule_starts_is_lost_unseen_and_only_rules_may_fill_the_queue() -> None:
    rules = dict(resources("AWS::Events::Rule"))
    targets = [target for rule in rules.values() for target in rule["Targets"]]
    assert len(targets) == len(rules) == 3
    assert all(target["DeadLetterConfig"]["Arn"] in THE_QUEUE for target in targets)
    # Nor is there any other kind of schedule, stream or subscription that would start something by itself.
    others = ("AWS::Scheduler::Schedule", "AWS::Lambda::EventSourceMapping", "AWS::Pipes::Pipe")
    assert not [name for kind in others for name, _ in resources(kind)]
    ((_, queue),) = resources("AWS::SQS::Queue")
    assert queue["SqsManagedSseEnabled"] is True
    ((_, policy),) = resources("AWS::SQS::QueuePolicy")
    may_fill = policy["PolicyDocument"]["Statement"][0]
    assert may_fill["Principal"] == {"Service": "events.amazonaws.com"}
    named = may_fill["Condition"]["ArnEquals"]["aws:SourceArn"]
    by_name = {
        f"arn:${{AWS::Partition}}:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{rule['Name']['Fn::Sub']}": name
        for name, rule in rules.items()
    }
    filling = {
        by_name.get(one["Fn::Sub"]) if "Fn::Sub" in one else f"orchestration.{one['Fn::GetAtt'][0]}" for one in named
    }
    assert filling == set(rules)


def test_a_function_that_nobody_waits_for_keeps_what_it_failed_of() -> None:
    """Those are the functions that rules start, and that others invoke by an event."""
    started = {
        str(t["Arn"]) for _, rule in resources("AWS::Events::Rule") for t in rule["Targets"] if "RoleArn" not in t
    }
    by_event = [path.name for path in (PROJECT / "api").rglob("*.py") if 'InvocationType="Event"' in path.read_text()]
    assert (started, by_event) == ({str({"Fn::GetAtt": ["FetchFunction", "Arn"]})}, ["connectors.py"])
    ((_, kept),) = resources("AWS::Lambda::EventInvokeConfig")
    assert kept["FunctionName"] == {"Ref": "FetchFunction"}
    assert kept["DestinationConfig"]["OnFailure"]["Destination"] in THE_QUEUE


def test_the_alarm_of_undelivered_watches_the_queue_that_all_of_them_fill() -> None:
    ((_, queue),) = resources("AWS::SQS::Queue")
    alarm = dict(ALARMS)["monitoring.UndeliveredAlarm"]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": queue["QueueName"]}]


def test_the_state_machine_writes_a_log_without_what_its_states_hold() -> None:
    ((_, machine),) = resources("AWS::StepFunctions::StateMachine")
    logging = machine["LoggingConfiguration"]
    assert (logging["Level"], logging["IncludeExecutionData"]) == ("ALL", False)
    group = described(DIRECTORY / "orchestration.yaml")["Resources"]["StateMachineLogs"]["Properties"]["LogGroupName"]
    assert group["Fn::Sub"].startswith("/aws/vendedlogs/states/")


@pytest.mark.parametrize("path", sorted(RUNBOOKS.glob("*.md")), ids=lambda path: path.stem)
def test_a_runbook_says_what_it_means_what_to_look_at_what_to_do_and_how_it_ends(path: Path) -> None:
    text = path.read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(SECTIONS)
    # No command that does not exist.
    commands = set(re.findall(r"^xtage (\w+)", text, re.MULTILINE))
    assert commands <= set(VERBS)
