"""A nested stack behaves as a stack does: it resolves secrets, and its unchanged resources keep their attributes."""

import json
import uuid
from typing import Any

from tests.infra.localcloud.conftest import Cloud, wait_until


def child(name: str, text: str) -> dict[str, Any]:
    secret = f"{{{{resolve:secretsmanager:{name}:SecretString:user}}}}"
    return {
        "Resources": {
            "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/{name}"}},
            "Parameter": {
                "Type": "AWS::SSM::Parameter",
                "Properties": {
                    "Type": "String",
                    "Name": f"/{name}",
                    "Value": {"Fn::Sub": f"{text} ${{Logs.Arn}} {secret}"},
                },
            },
        },
        "Outputs": {"Arn": {"Value": {"Fn::GetAtt": ["Logs", "Arn"]}}},
    }


def parent(url: str) -> str:
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Child", "Outputs.Arn"]}}}
    return json.dumps({"Resources": {"Child": nested}, "Outputs": outputs})


def test_nested_stack_resolves_secrets_and_keeps_attributes_over_updates(cloud: Cloud) -> None:
    name = f"nested-{uuid.uuid4().hex[:8]}"
    formation, s3, ssm = (cloud.aws.client(service) for service in ("cloudformation", "s3", "ssm"))
    cloud.aws.client("secretsmanager").create_secret(Name=name, SecretString='{"user": "me"}')
    s3.create_bucket(Bucket=name)

    def settled() -> str | None:
        status = str(formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        return None if status.endswith("IN_PROGRESS") else status

    operations = {"first": formation.create_stack, "second": formation.update_stack, "third": formation.update_stack}
    for text, operation in operations.items():
        s3.put_object(Bucket=name, Key=text, Body=json.dumps(child(name, text)))
        operation(StackName=name, TemplateBody=parent(f"{cloud.aws.endpoint}/{name}/{text}"))
        assert wait_until(settled, "the end of the operation") in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
        value = ssm.get_parameter(Name=f"/{name}")["Parameter"]["Value"]
        assert value == f"{text} arn:aws:logs:us-east-1:000000000000:log-group:/{name}:* me"


def test_a_change_set_names_what_a_condition_adds_and_takes_away(cloud: Cloud) -> None:
    name = f"conditions-{uuid.uuid4().hex[:8]}"
    formation = cloud.aws.client("cloudformation")
    logs = {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": f"/{name}"}}
    template = {
        "Parameters": {"Wanted": {"Type": "String"}},
        "Conditions": {"IsWanted": {"Fn::Equals": [{"Ref": "Wanted"}, "yes"]}},
        "Resources": {
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Logs": {"Condition": "IsWanted", **logs},
        },
    }

    def changes(wanted: str) -> list[tuple[str, str]]:
        given = {
            "StackName": name,
            "TemplateBody": json.dumps(template),
            "Parameters": [{"ParameterKey": "Wanted", "ParameterValue": wanted}],
        }
        change_set = formation.create_change_set(**given, ChangeSetName=f"a{uuid.uuid4().hex}")["Id"]
        told = formation.describe_change_set(ChangeSetName=change_set)["Changes"]
        formation.update_stack(**given)
        formation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        return [(one["ResourceChange"]["Action"], one["ResourceChange"]["LogicalResourceId"]) for one in told]

    formation.create_stack(
        StackName=name,
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Wanted", "ParameterValue": "no"}],
    )
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    assert changes("yes") == [("Add", "Logs")]
    assert changes("no") == [("Remove", "Logs")]
