"""Roles as they stand in the templates, and those of the state machine and of the rules at work on the embedded AWS."""

import json
from typing import Any

import pytest

from tests.infra.conftest import DEFINITION, DROPS, STACK, STAGE, Pipeline
from tests.infra.test_pipeline import nested, tasks
from tests.infra.test_templates import FILES, described, flat, meant, resources
from tests.privilege.reasons import DENIED_ON_PURPOSE, NEEDED_BY_AWS, NEEDED_BY_STEP_FUNCTIONS, NEEDED_BY_THE_LOG
from tests.privilege.roles import Roles, unexplained

# What a task's resource asks of AWS.
CALLS = {
    "lambda:invoke": "lambda:InvokeFunction",
    "codebuild:startBuild.sync": "codebuild:StartBuild",
    "glue:startJobRun.sync": "glue:StartJobRun",
    "aws-sdk:sfn:describeExecution": "states:DescribeExecution",
    "states:startExecution": "states:StartExecution",
    "sns:publish": "sns:Publish",
}


def documents_of_roles() -> dict[str, list[dict[str, Any]]]:
    """The statements of each role, those of its managed policies too."""
    found = {}
    for path in FILES:
        whole = described(path)["Resources"]
        for name, role in whole.items():
            if role["Type"] != "AWS::IAM::Role":
                continue
            documents = [policy["PolicyDocument"] for policy in role["Properties"].get("Policies", [])]
            attached = role["Properties"].get("ManagedPolicyArns", [])
            for arn in meant_list(attached):
                reference = meant(arn)
                documents.append(whole[reference["Ref"]]["Properties"]["PolicyDocument"])
            found[f"{path.stem}.{name}"] = [
                meant(statement) for document in documents for statement in document["Statement"]
            ]
    return found


def meant_list(value: Any) -> list[Any]:
    """A list, also where it is there on a condition only."""
    return list(value["Fn::If"][1]) if isinstance(value, dict) else list(value)


def test_every_statement_of_a_role_has_a_name_of_its_own() -> None:
    roles = documents_of_roles()
    assert len(roles) > 20
    for role, statements in roles.items():
        names = [statement.get("Sid") for statement in statements]
        assert None not in names, role
        assert len(set(names)) == len(names), role


def text(resource: Any) -> str:
    return str(resource.get("Fn::Sub", resource) if isinstance(resource, dict) else resource)


def test_every_reason_names_a_page_of_aws() -> None:
    reasons = [*NEEDED_BY_AWS, *DENIED_ON_PURPOSE, *NEEDED_BY_STEP_FUNCTIONS.values(), NEEDED_BY_THE_LOG]
    assert all(reason.page.startswith("https://docs.aws.amazon.com/") for reason in reasons)
    assert all(len(reason.why.split()) > 5 for reason in reasons)


def test_the_state_machine_may_do_what_its_definition_asks_for_and_nothing_else() -> None:
    definition = json.loads(DEFINITION.read_text())["States"]
    every_task = tasks(definition).values()
    kinds = {task["Resource"].removeprefix("arn:aws:states:::") for task in every_task}
    needed = {CALLS[kind] for kind in kinds}
    for kind in kinds & NEEDED_BY_STEP_FUNCTIONS.keys():
        needed |= set(NEEDED_BY_STEP_FUNCTIONS[kind].actions)
    ((_, machine),) = resources("AWS::StepFunctions::StateMachine")
    if "LoggingConfiguration" in machine:
        needed |= set(NEEDED_BY_THE_LOG.actions)
    statements = documents_of_roles()["orchestration.StateMachineRole"]
    assert {action for statement in statements for action in flat(statement["Action"])} == needed


def test_the_roles_of_the_state_machine_and_of_what_starts_it_allow_what_they_ask_for_and_nothing_else(
    pipeline: Pipeline,
) -> None:
    """A drop starts a run that takes over, loads, tells, flattens, builds, publishes, copies and has a successor."""
    dead = pipeline.start_and_stay()
    pipeline.stop(dead)
    refused = {"status": "failed", "notice": {"subject": "a file", "message": "why"}}
    pipeline.script(
        OpenRun=[
            {"outcome": "held", "run_id": None, "holder": dead},
            {"outcome": "opened", "run_id": 7, "holder": None},
        ],
        NextRound=[{"deliveries": [*nested(1)["deliveries"], {"delivery_id": 2}]}, {"deliveries": []}],
        Load={"raise": "TerminalError", "message": "no such table"},
        RecordFailure=refused,
        NeedsBuild=[{"build": "yes", "redshift": "yes"}, {"build": "no", "redshift": "no"}],
        PlanLake={
            "outcome": "publish",
            "prefix": "work/lake/1/",
            "location": "s3://bucket/work/lake/1/",
            "lake": "s3://a",
        },
        CloseRun=[{"outcome": "successor"}, {"outcome": "closed"}],
    )
    pipeline.script_build()
    pipeline.aws.client("s3").put_object(Bucket=DROPS, Key="raw/sales/a.csv", Body=b"")
    pipeline.wait_for_calls("CloseRun", 2)
    broken = {"raise": "TerminalError", "message": "odd"}
    pipeline.script(OpenRun={"outcome": "opened", "run_id": 7, "holder": None}, NextRound=broken)
    assert pipeline.run()["status"] == "FAILED"
    roles = Roles(pipeline.aws.client, pipeline.aws.settings.home, orchestration=STACK)
    meant_for = {*NEEDED_BY_THE_LOG.actions, *(one for why in NEEDED_BY_STEP_FUNCTIONS.values() for one in why.actions)}
    assert set(roles.names) == {"orchestration.StateMachineRole", "orchestration.StartRole"}
    assert roles.refused() == set()
    assert unexplained((one for one in roles.grants() if one.action not in meant_for), roles.used()) == []


@pytest.mark.parametrize(("role", "policy"), [("StateMachineRole", "run"), ("StartRole", "start")])
def test_what_a_role_does_not_allow_fails_the_run_or_keeps_the_event(
    pipeline: Pipeline, role: str, policy: str
) -> None:
    iam, sqs = pipeline.aws.client("iam"), pipeline.aws.client("sqs")
    name = Roles(pipeline.aws.client, pipeline.aws.settings.home, orchestration=STACK).names[f"orchestration.{role}"]
    document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
    iam.delete_role_policy(RoleName=name, PolicyName=policy)
    try:
        if role == "StartRole":
            pipeline.aws.client("s3").put_object(Bucket=DROPS, Key="raw/sales/unheard.csv", Body=b"")
            url = sqs.get_queue_url(QueueName=f"xtage-{STAGE}-undelivered")["QueueUrl"]
            asked = {"QueueUrl": url, "MessageAttributeNames": ["All"], "WaitTimeSeconds": 20}
            (told,) = sqs.receive_message(**asked)["Messages"]
            assert told["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
        else:
            ended = pipeline.finish(pipeline.start())
            assert "is not authorized to perform lambda:InvokeFunction" in ended["cause"]
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    assert pipeline.run()["status"] == "SUCCEEDED"


def test_the_state_machine_may_call_exactly_the_functions_jobs_and_builds_of_its_definition() -> None:
    definition = DEFINITION.read_text()
    statements = documents_of_roles()["orchestration.StateMachineRole"]
    by_name = {statement["Sid"]: statement for statement in statements}
    called = {f"${{{one['Ref']}}}" for one in by_name["CallLoaders"]["Resource"]}
    substituted = dict(resources("AWS::StepFunctions::StateMachine"))["orchestration.StateMachine"]
    names = substituted["DefinitionSubstitutions"]
    assert called == {f"${{{name}}}" for name in names if name.endswith("FunctionArn")}
    assert all(name in definition for name in called)
    jobs = {text(one).rpartition("job/")[2] for one in by_name["RunGlueJobs"]["Resource"]}
    assert jobs == {f"${{{name}}}" for name in names if name.endswith("JobName")}
    assert by_name["BuildWithDbt"]["Resource"] == {"Ref": "BuildProjectArn"}


def test_what_starts_a_run_may_start_runs_only_and_every_rule_uses_it() -> None:
    (statement,) = documents_of_roles()["orchestration.StartRole"]
    assert (statement["Action"], statement["Resource"]) == ("states:StartExecution", {"Ref": "StateMachine"})
    rules = {name: rule for name, rule in resources("AWS::Events::Rule") if name.startswith("orchestration.")}
    assert rules
    for rule in rules.values():
        assert [target["RoleArn"] for target in rule["Targets"] if target["Arn"] == {"Ref": "StateMachine"}] == [
            {"Fn::GetAtt": ["StartRole", "Arn"]}
        ]


def test_a_role_is_lent_to_one_service_and_to_this_account_where_the_service_says_for_whom() -> None:
    """Lambda and EC2 name no account when they take a role; the others do."""
    for name, role in resources("AWS::IAM::Role"):
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        service = flat(statement["Principal"]["Service"])[0]
        if service not in ("lambda.amazonaws.com", "ec2.amazonaws.com"):
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, name
