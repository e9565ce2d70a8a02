"""A change set names what a parameter switches on or off by a condition alone."""

import json
import uuid

from tests.infra.localcloud.conftest import Cloud, wait_until

TEMPLATE = {
    "Parameters": {"Wanted": {"Type": "String", "Default": "false"}},
    "Conditions": {"IsWanted": {"Fn::Equals": [{"Ref": "Wanted"}, "true"]}},
    "Resources": {
        "Always": {"Type": "AWS::SNS::Topic"},
        "Sometimes": {"Type": "AWS::SNS::Topic", "Condition": "IsWanted"},
    },
}


def test_a_change_set_adds_and_removes_what_a_condition_switches(cloud: Cloud) -> None:
    name, formation = f"switched-{uuid.uuid4().hex[:8]}", cloud.aws.client("cloudformation")
    formation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))

    def settled() -> bool:
        status = str(formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
        return not status.endswith("IN_PROGRESS")

    wait_until(settled, "the stack")
    for wanted, action in (("true", "Add"), ("false", "Remove")):
        given = [{"ParameterKey": "Wanted", "ParameterValue": wanted}]
        made = formation.create_change_set(
            StackName=name, ChangeSetName=f"to-{wanted}", TemplateBody=json.dumps(TEMPLATE), Parameters=given
        )
        changes = formation.describe_change_set(ChangeSetName=made["Id"])["Changes"]
        told = [(one["ResourceChange"]["Action"], one["ResourceChange"]["LogicalResourceId"]) for one in changes]
        assert told == [(action, "Sometimes")]
        formation.execute_change_set(ChangeSetName=made["Id"])
        wait_until(settled, "the change")
        found = formation.describe_stack_resources(StackName=name)["StackResources"]
        assert ("Sometimes" in {one["LogicalResourceId"] for one in found}) == (wanted == "true")
    formation.delete_stack(StackName=name)
