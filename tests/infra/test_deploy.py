"""A deployment's promises, kept against the embedded AWS by the code that deploys to AWS."""

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from localcloud.aws import Aws
from localcloud.postgres import Postgres
from tests.conftest import make_settings
from xtage.cli import exit_code
from xtage.deploy import PROJECT, Change, DeployError, StackEvent, deploy, destroy
from xtage.deploy.package import Artifact
from xtage.deploy.stacks import outputs_of
from xtage.deploy.upload import Upload, empty, upload

OUTPUTS = {
    "RawBucketName",
    "AuditBucketName",
    "AccessLogBucketName",
    "DatabaseEndpoint",
    "DatabasePort",
    "DatabaseSecretArn",
    "StateMachineArn",
    "MigrateFunctionName",
    "BuildProjectName",
    "CatalogDatabaseName",
    "ApiId",
    "ApiStageName",
    "ApiUrl",
    "ApiKeyTableName",
    "ApiUsagePlanId",
    "AlarmTopicArn",
}

# A resource that cannot be made: it attaches a secret to a database that does not exist.
BROKEN = """
  Broken:
    Type: AWS::SecretsManager::SecretTargetAttachment
    Properties:
      SecretId: !Ref DatabaseSecret
      TargetId: no-such-database
      TargetType: AWS::RDS::DBInstance
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Aws, Postgres]]:
    """A cloud of this module's own: each deployment gives the database's master user another password."""
    settings = make_settings(tmp_path_factory.mktemp("deploy"))
    postgres, aws = Postgres(settings), Aws(settings)
    postgres.start()
    try:
        aws.start()
        yield aws, postgres
    finally:
        aws.stop()
        postgres.stop()


@pytest.fixture
def session(cloud: tuple[Aws, Postgres], monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """A session whose clients lead to the embedded AWS, by the environment, as everywhere."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud[0].endpoint)
    return boto3.Session("test", "test", region_name="us-east-1")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of what a deployment reads, with a stage `trial`, to be changed at will."""
    for name in ("infra", "orchestration", "contracts", "connectors", "loaders", "glue", "api", "dbt_project"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    local = tmp_path / "infra" / "cloudformation" / "parameters" / "local.json"
    local.with_name("trial.json").write_text(
        local.read_text().replace('"LayerKey"', '"BucketSuffix": "trial", "LayerKey"')
    )
    return tmp_path


@pytest.fixture
def trial(session: boto3.Session, project: Path) -> Iterator[Callable[[], list[StackEvent]]]:
    """Deploys the stage `trial`, returning the events; the stage is gone after the test."""

    def deploy_trial() -> list[StackEvent]:
        events: list[StackEvent] = []
        assert set(deploy("trial", session, events.append, project)) == OUTPUTS
        return events

    yield deploy_trial
    destroy("trial", session, with_data=True)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def break_database(project: Path) -> Callable[[], None]:
    """Adds a resource that cannot be made; returns what takes it out again."""
    template = project / "infra" / "cloudformation" / "database.yaml"
    whole = template.read_text()
    edit(template, "\nOutputs:\n", f"{BROKEN}\nOutputs:\n")
    return lambda: template.write_text(whole) and None


def statuses(session: boto3.Session) -> dict[str, str]:
    stacks = session.client("cloudformation").describe_stacks()["Stacks"]
    return {stack["StackName"]: stack["StackStatus"] for stack in stacks}


def test_a_deployment_makes_the_stacks_and_the_tables(
    trial: Callable[[], list[StackEvent]], cloud: tuple[Aws, Postgres], session: boto3.Session
) -> None:
    events = trial()
    assert statuses(session)["xtage-trial"] == "CREATE_COMPLETE"
    assert not [event for event in events if event.is_failure]
    with closing(cloud[1].connect()) as connection:
        cursor = connection.cursor()
        cursor.execute("select table_name from information_schema.tables where table_schema = 'raw'")
        tables = {name for (name,) in cursor.fetchall()}
    assert tables == {
        *("sales", "transactions", "products", "customers", "exchange_rates"),
        *("orders", "orders__lines", "orders__payments"),
    }


def test_the_trail_records_calls_and_each_touch_of_a_dropped_file(
    trial: Callable[[], list[StackEvent]], session: boto3.Session
) -> None:
    trial()
    trails = session.client("cloudtrail")
    (trail,) = trails.describe_trails()["trailList"]
    assert trail["Name"] == "xtage-trial"
    assert trail["IsMultiRegionTrail"]
    assert trail["LogFileValidationEnabled"]
    assert trails.get_trail_status(Name="xtage-trial")["IsLogging"]
    selectors = trails.get_event_selectors(TrailName="xtage-trial")["AdvancedEventSelectors"]
    fields = {field["Field"]: field for selector in selectors for field in selector["FieldSelectors"]}
    assert fields["resources.ARN"]["StartsWith"] == ["arn:aws:s3:::xtage-data-pipeline-trial/"]
    key = {"AttributeKey": "ResourceName", "AttributeValue": "raw/sales/seen.csv"}
    session.client("s3").put_object(Bucket="xtage-data-pipeline-trial", Key="raw/sales/seen.csv", Body=b"")
    assert "PutObject" in {event["EventName"] for event in trails.lookup_events(LookupAttributes=[key])["Events"]}


def test_deploying_again_changes_nothing(trial: Callable[[], list[StackEvent]]) -> None:
    trial()
    assert trial() == []


def test_an_address_is_subscribed_to_the_alarms_and_the_stages_own_key_encrypts_them(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    given = '"AlarmEmail": "night@example.com", "OwnKey": "true", "LayerKey"'
    edit(project / "infra" / "cloudformation" / "parameters" / "trial.json", '"LayerKey"', given)
    trial()
    topic = outputs_of(session.client("cloudformation"), "xtage-trial")["AlarmTopicArn"]
    (subscribed,) = session.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert (subscribed["Protocol"], subscribed["Endpoint"]) == ("email", "night@example.com")
    (machine,) = session.client("stepfunctions").list_state_machines()["stateMachines"]
    role = session.client("stepfunctions").describe_state_machine(stateMachineArn=machine["stateMachineArn"])["roleArn"]
    attached = session.client("iam").list_attached_role_policies(RoleName=role.rpartition("/")[2])
    assert len(attached["AttachedPolicies"]) == 1, "the state machine may use the key"


@pytest.mark.parametrize(("stage", "more"), [("dev", {"WayToAws": "nat"}), ("prod", {"DeletionProtection": "false"})])
def test_every_stage_of_the_project_deploys_as_its_parameters_say(
    stage: str, more: dict[str, str], session: boto3.Session, project: Path
) -> None:
    # What the embedded PostgreSQL does not speak; and packages, which take a while to put together, are not needed.
    here = {"DatabaseTls": "off", "LayerKey": "", "WheelhouseKey": "", "Tunnel": "true", **more}
    try:
        assert set(deploy(stage, session, project=project, parameters=here)) >= {*OUTPUTS, "TunnelInstanceId"}
        again: list[StackEvent] = []
        deploy(stage, session, again.append, project, parameters=here)
        assert again == []
        made = session.client("cloudformation").describe_stacks(StackName=f"xtage-{stage}")["Stacks"][0]
        given = {one["ParameterKey"]: one["ParameterValue"] for one in made["Parameters"]}
        assert given["FlowLogs"] == "true"
        assert given["PasswordRotationDays"] == "30"
        tags = {"project": "xtage", "stage": stage}
        stacks = session.client("cloudformation").describe_stacks()["Stacks"]
        assert len(stacks) > 10, "the nested ones are told, too"
        assert [{tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in stacks] == [tags] * len(stacks)
        function = session.client("lambda").get_function(FunctionName=f"xtage-{stage}-load")
        assert function["Tags"].items() >= tags.items()
    finally:
        destroy(stage, session, with_data=True)
    assert f"xtage-{stage}" not in statuses(session)


def test_what_was_changed_is_updated_and_nothing_else(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    trial()
    edit(project / "infra" / "cloudformation" / "parameters" / "trial.json", "rate(5 minutes)", "rate(7 minutes)")
    changed = {event.resource for event in trial() if "Orchestration" in event.stack}
    assert "SweepRule" in changed
    rule = session.client("events").describe_rule(Name="xtage-trial-sweep")
    assert rule["ScheduleExpression"] == "rate(7 minutes)"
    # Once at the end of each deployment, and once as soon as the functions were changed.
    log = session.client("logs").filter_log_events(logGroupName="/aws/lambda/xtage-trial-migrate")["events"]
    assert sum('"message":"migrated"' in line["message"] for line in log) == 3


def test_changed_code_is_what_runs_next(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    trial()
    before = session.client("lambda").get_function(FunctionName="xtage-trial-load")["Configuration"]["CodeSha256"]
    (project / "loaders" / "new_module.py").write_text("ANSWER = 42\n")
    trial()
    after = session.client("lambda").get_function(FunctionName="xtage-trial-load")["Configuration"]["CodeSha256"]
    assert after != before


def test_a_failed_creation_names_the_resource_and_the_next_deployment_needs_no_cleaning(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    mend = break_database(project)
    with pytest.raises(DeployError, match=r"xtage-trial is .*: Broken .*no-such-database"):
        deploy("trial", session, project=project)
    mend()
    trial()
    assert statuses(session)["xtage-trial"] == "CREATE_COMPLETE"


def test_a_failed_update_leaves_the_stage_as_it_was(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    trial()
    mend = break_database(project)
    with pytest.raises(DeployError, match="Broken"):
        deploy("trial", session, project=project)
    assert statuses(session)["xtage-trial"] == "UPDATE_ROLLBACK_COMPLETE"
    mend()
    trial()


def test_a_deployment_killed_while_it_waited_is_finished_by_the_next(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    def killed(event: StackEvent) -> None:
        if event.stack == "xtage-trial":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy("trial", session, killed, project)
    trial()
    assert statuses(session)["xtage-trial"] == "CREATE_COMPLETE"


def test_a_deployment_killed_before_it_began_to_create_is_finished_by_the_next(
    trial: Callable[[], list[StackEvent]], session: boto3.Session
) -> None:
    session.client("cloudformation").create_change_set(
        StackName="xtage-trial",
        ChangeSetName="left-behind",
        ChangeSetType="CREATE",
        TemplateBody="Resources: {Topic: {Type: AWS::SNS::Topic}}",
    )
    assert statuses(session)["xtage-trial"] == "REVIEW_IN_PROGRESS"
    trial()
    assert statuses(session)["xtage-trial"] == "CREATE_COMPLETE"


def test_tables_that_cannot_be_made_are_an_error_that_says_why(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    (project / "contracts" / "sales.odcs.yaml").write_text("kind: nonsense\n")
    with pytest.raises(DeployError, match=r"tables could not be brought up to date: .*sales"):
        deploy("trial", session, project=project)


def test_changes_are_told_before_they_are_made_and_can_be_called_off(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    told: list[Change] = []

    def call_off(changes: list[Change]) -> None:
        told.extend(changes)
        raise KeyboardInterrupt

    trial()
    change_sets = session.client("cloudformation").list_change_sets(StackName="xtage-trial")["Summaries"]
    edit(project / "infra" / "cloudformation" / "parameters" / "trial.json", "rate(5 minutes)", "rate(7 minutes)")
    with pytest.raises(KeyboardInterrupt):
        deploy("trial", session, project=project, on_changes=call_off)
    assert ("Modify", "Orchestration") in {(change.action, change.resource) for change in told}
    assert session.client("events").describe_rule(Name="xtage-trial-sweep")["ScheduleExpression"] == "rate(5 minutes)"
    assert session.client("cloudformation").list_change_sets(StackName="xtage-trial")["Summaries"] == change_sets


def test_the_commands_deploy_twice_and_destroy(
    cloud: tuple[Aws, Postgres],
    session: boto3.Session,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in cloud[0].settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert exit_code(["deploy", "--stage", "local"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"^add +xtage-local +Loaders +AWS::CloudFormation::Stack$", told, re.MULTILINE)
    assert re.search(r"^StateMachineArn +arn:aws:states:", told, re.MULTILINE)
    assert re.search(r"^  \d+ files uploaded$", told, re.MULTILINE)
    assert exit_code(["deploy", "--stage", "local"]) == 0
    told = capsys.readouterr().out
    assert ("nothing to deploy" in told, "uploaded" in told) == (True, False)
    # One that the stage's file names, and one that it leaves to the template.
    given = ["--set", "SweepSchedule=rate(7 minutes)", "--set", "AlarmRejectPercent=33"]
    assert exit_code(["deploy", "--stage", "local", *given]) == 0
    assert once(session) == ("rate(7 minutes)", 33)
    assert exit_code(["deploy", "--stage", "local"]) == 0
    assert once(session) == ("rate(5 minutes)", 20), "what is given once is given once"
    assert exit_code(["deploy", "--stage", "local", "--set", "AlarmRejectPercents=33"]) == 1
    assert "root.yaml has no parameter AlarmRejectPercents" in capsys.readouterr().err
    assert exit_code(["destroy", "--stage", "local", "--with-data", "--yes"]) == 0
    assert statuses(session) == {}


def once(session: boto3.Session) -> tuple[str, float]:
    """How often the sweep comes, and how many rejects are usual, in percent."""
    rule = session.client("events").describe_rule(Name="xtage-local-sweep")
    alarms = session.client("cloudwatch").describe_alarms(AlarmNames=["xtage-local-reject-rate"])["MetricAlarms"]
    return rule["ScheduleExpression"], alarms[0]["Threshold"]


def test_a_large_file_is_told_of_before_it_is_made_while_it_is_sent_and_when_it_is_there(
    session: boto3.Session,
) -> None:
    s3, told = session.client("s3"), list[Upload]()
    s3.create_bucket(Bucket="large")
    body = b"w" * 20_000_000
    assert upload(s3, "large", [Artifact("wheelhouse/a.zip", lambda: body)], told.append) == ["wheelhouse/a.zip"]
    assert [(one.size, one.sent) for one in told[:2]] == [(None, 0), (len(body), 0)]
    assert len({one.sent for one in told[2:-1]} - {len(body)}) > 1
    assert (told[-1].sent, told[-1].is_there, told[-1].number, told[-1].count) == (len(body), True, 1, 1)
    assert s3.head_object(Bucket="large", Key="wheelhouse/a.zip")["ContentLength"] == len(body)
    assert upload(s3, "large", [Artifact("wheelhouse/a.zip", lambda: b"")]) == []
    empty(s3, "large")
    s3.delete_bucket(Bucket="large")


def test_an_unknown_stage_is_an_error_that_names_the_known_ones(session: boto3.Session) -> None:
    with pytest.raises(DeployError, match="no stage 'nowhere', only dev, local, prod"):
        deploy("nowhere", session)


@pytest.mark.parametrize("text", ["", "[]", '{"BucketSuffix": "x"}'], ids=["empty", "a list", "no Parameters"])
def test_parameters_that_cannot_be_read_are_an_error_that_names_their_file(
    session: boto3.Session, project: Path, text: str
) -> None:
    (project / "infra" / "cloudformation" / "parameters" / "trial.json").write_text(text)
    with pytest.raises(DeployError, match=r"trial\.json cannot be read"):
        deploy("trial", session, project=project)


def test_destroying_leaves_nothing_but_the_dropped_files_and_the_logs_of_who_did_what(
    trial: Callable[[], list[StackEvent]], session: boto3.Session
) -> None:
    trial()
    s3: Any = session.client("s3")
    # No run, which might still write to a log when that is gone already, and so make it anew.
    s3.put_bucket_notification_configuration(Bucket="xtage-data-pipeline-trial", NotificationConfiguration={})
    s3.put_object(Bucket="xtage-data-pipeline-trial", Key="raw/sales/a.csv", Body=b"a drop")
    outputs = outputs_of(session.client("cloudformation"), "xtage-trial")
    kept = {"xtage-data-pipeline-trial", outputs["AuditBucketName"], outputs["AccessLogBucketName"]}
    destroy("trial", session)
    assert not [name for name in statuses(session) if name.startswith("xtage-trial")]
    assert {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]} == kept
    assert session.client("cloudtrail").list_trails()["Trails"] == []
    assert session.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    assert session.client("cloudwatch").list_dashboards()["DashboardEntries"] == []
    assert session.client("sns").list_topics()["Topics"] == []
    assert session.client("sqs").list_queues()["QueueUrls"] == []
    assert session.client("logs").describe_log_groups()["logGroups"] == []
    with pytest.raises(ClientError):
        session.client("lambda").get_function(FunctionName="xtage-trial-load")
    with pytest.raises(DeployError, match="trial already exists; give the stage another BucketSuffix"):
        trial()
    for bucket in kept:
        empty(s3, bucket)
        s3.delete_bucket(Bucket=bucket)


def test_destroying_what_is_not_there_does_nothing(session: boto3.Session) -> None:
    destroy("nowhere", session)


def test_a_drop_starts_the_pipeline_and_what_the_pipeline_writes_does_not(
    trial: Callable[[], list[StackEvent]], session: boto3.Session
) -> None:
    trial()
    s3, states = session.client("s3"), session.client("stepfunctions")
    own = {"lake/a.parquet", "work/b.json", "artifacts/c.json"}
    for key in (*sorted(own), "sales_data.csv"):
        s3.put_object(Bucket="xtage-data-pipeline-trial", Key=key, Body=b"")
    machine = next(
        item["stateMachineArn"]
        for item in states.list_state_machines()["stateMachines"]
        if item["name"] == "xtage-trial-pipeline"
    )
    deadline = time.monotonic() + 60
    while "sales_data.csv" not in (started := keys_of_executions(states, machine)):
        assert time.monotonic() < deadline, f"no execution was started, only by {started}"
        time.sleep(0.2)
    assert not own & set(started)


def keys_of_executions(states: Any, machine: str) -> list[str]:
    """The object keys whose events have started executions of a state machine, once all of those have ended."""
    listed = states.list_executions(stateMachineArn=machine)["executions"]
    if any(execution["status"] == "RUNNING" for execution in listed):
        return []
    described = [states.describe_execution(executionArn=execution["executionArn"]) for execution in listed]
    return [json.loads(execution["input"])["detail"]["object"]["key"] for execution in described]


def test_a_stage_with_a_protected_database_and_keys_is_not_touched(
    trial: Callable[[], list[StackEvent]], project: Path, session: boto3.Session
) -> None:
    parameters = project / "infra" / "cloudformation" / "parameters" / "trial.json"
    edit(parameters, '"DeletionProtection": "false"', '"DeletionProtection": "true"')
    trial()
    before = statuses(session)
    assert is_table_protected(session)
    with pytest.raises(DeployError, match="keys of stage trial are under deletion protection, nothing was touched"):
        destroy("trial", session, with_data=True)
    assert statuses(session) == before
    edit(parameters, '"DeletionProtection": "true"', '"DeletionProtection": "false"')
    trial()
    assert not is_table_protected(session)


def is_table_protected(session: boto3.Session) -> bool:
    table = session.client("dynamodb").describe_table(TableName="xtage-trial-api-keys")["Table"]
    return table["DeletionProtectionEnabled"] is True
