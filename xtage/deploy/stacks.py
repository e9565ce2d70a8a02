"""One CloudFormation stack: brought to what a template says by a change set, or taken away, whatever state it is in."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xtage.deploy.changes import OnChanges, changes_of
from xtage.deploy.errors import DeployError
from xtage.deploy.events import EventFollower, OnEvent

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")

# An update can start from here; UPDATE_ROLLBACK_COMPLETE is a stack as it was before an update that failed.
_UPDATABLE = (*_DONE, "UPDATE_ROLLBACK_COMPLETE")

# A creation that failed leaves a stack that CloudFormation lets one do nothing with but delete it.
_TO_DELETE = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED")

_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Stack:
    """What a stack shall be. The stacks nested in it, and what they make, have its tags too."""

    name: str
    template: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


def bring_up(
    cloudformation: CloudFormationClient, stack: Stack, on_event: OnEvent, on_changes: OnChanges
) -> dict[str, str]:
    """Creates or updates a stack and waits for it; returns its outputs.

    What an earlier, killed deployment has left is waited for or cleared away first. Raises DeployError naming the
    resource that failed and CloudFormation's reason, and what `on_changes` raises, with nothing changed.
    """
    current = _cleared(cloudformation, stack.name, on_event)
    if not _is_as_wanted(cloudformation, current, stack):
        is_new = current is None or current["StackStatus"] == "REVIEW_IN_PROGRESS"
        _change(cloudformation, stack, "CREATE" if is_new else "UPDATE", on_event, on_changes)
    return outputs_of(cloudformation, stack.name)


def outputs_of(cloudformation: CloudFormationClient, name: str) -> dict[str, str]:
    """A stack's outputs; none when there is no such stack, or it has not come so far."""
    stack = _describe(cloudformation, name)
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])} if stack is not None else {}


def parameters_deployed(cloudformation: CloudFormationClient, name: str) -> dict[str, str]:
    """The parameters that a stack has; none when there is no such stack."""
    stack = _describe(cloudformation, name)
    return _parameters(stack) if stack is not None else {}


def take_down(cloudformation: CloudFormationClient, name: str, on_event: OnEvent) -> None:
    """Deletes a stack and waits until it is gone; nothing happens when there is none."""
    stack = _settled(cloudformation, name, on_event)
    if stack is None:
        return
    follower = EventFollower(cloudformation, stack["StackId"], on_event)
    cloudformation.delete_stack(StackName=name)
    left = _follow(cloudformation, stack["StackId"], follower)
    if left is not None and left["StackStatus"] != "DELETE_COMPLETE":
        raise _failed(left, follower)


def _change(
    cloudformation: CloudFormationClient, stack: Stack, kind: str, on_event: OnEvent, on_changes: OnChanges
) -> None:
    created = cloudformation.create_change_set(
        StackName=stack.name,
        ChangeSetName=f"deploy-{time.time_ns()}",
        ChangeSetType="CREATE" if kind == "CREATE" else "UPDATE",
        TemplateBody=stack.template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in stack.parameters.items()],
        Tags=[{"Key": key, "Value": value} for key, value in stack.tags.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        IncludeNestedStacks=True,
    )
    if not _is_worth_executing(cloudformation, stack.name, created["Id"]):
        return
    try:
        on_changes(list(changes_of(cloudformation, created["Id"])))
    except BaseException:
        cloudformation.delete_change_set(ChangeSetName=created["Id"])
        raise
    follower = EventFollower(cloudformation, created["StackId"], on_event)
    cloudformation.execute_change_set(ChangeSetName=created["Id"])
    result = _follow(cloudformation, created["StackId"], follower)
    if result is None or result["StackStatus"] not in _DONE:
        raise _failed(result, follower)


def _is_worth_executing(cloudformation: CloudFormationClient, stack: str, change_set: str) -> bool:
    """Waits until CloudFormation knows what the change set changes; one that changes nothing is deleted."""
    for _ in _pauses():
        answer = cloudformation.describe_change_set(ChangeSetName=change_set)
        reason = answer.get("StatusReason", "")
        if answer["Status"] == "CREATE_COMPLETE":
            return True
        if answer["Status"] == "FAILED":
            cloudformation.delete_change_set(ChangeSetName=change_set)
            if any(words in reason for words in _NO_CHANGES):
                return False
            raise DeployError(f"stack {stack} cannot be changed: {reason}", "correct the template or its parameters")
    raise AssertionError("pauses do not end")


def _is_as_wanted(cloudformation: CloudFormationClient, current: StackTypeDef | None, wanted: Stack) -> bool:
    """Whether the very same was deployed last: then there is no need to ask CloudFormation for the difference.

    A change set takes seconds and always counts nested stacks as changed.
    """
    if current is None or current["StackStatus"] not in _DONE:
        return False
    deployed = _parameters(current)
    if any(deployed.get(key) != value for key, value in wanted.parameters.items()):
        return False
    if {tag["Key"]: tag["Value"] for tag in current.get("Tags", [])} != wanted.tags:
        return False
    # The stubs say dict, which is what a JSON template comes as; ours are YAML, which comes as text.
    template: object = cloudformation.get_template(StackName=wanted.name, TemplateStage="Original")["TemplateBody"]
    return template == wanted.template


def _cleared(cloudformation: CloudFormationClient, name: str, on_event: OnEvent) -> StackTypeDef | None:
    """The stack in a state from which it can be changed, or None when there is none to change."""
    stack = _settled(cloudformation, name, on_event)
    if stack is not None and stack["StackStatus"] in _TO_DELETE:
        take_down(cloudformation, name, on_event)
        return None
    if stack is not None and stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED":
        follower = EventFollower(cloudformation, stack["StackId"], on_event)
        cloudformation.continue_update_rollback(StackName=name)
        stack = _follow(cloudformation, stack["StackId"], follower)
        if stack is None or stack["StackStatus"] not in _UPDATABLE:
            raise _failed(stack, follower)
    return stack


def _settled(cloudformation: CloudFormationClient, name: str, on_event: OnEvent) -> StackTypeDef | None:
    """The stack, or None, once whatever a killed deployment started has come to an end."""
    stack = _describe(cloudformation, name)
    if stack is None or _is_settled(stack):
        return stack
    return _follow(cloudformation, stack["StackId"], EventFollower(cloudformation, stack["StackId"], on_event))


def _follow(cloudformation: CloudFormationClient, stack_id: str, follower: EventFollower) -> StackTypeDef | None:
    """Reports events until the stack's operation has ended; returns the stack, or None when it is gone."""
    for _ in _pauses():
        stack = _describe(cloudformation, stack_id)
        follower.report()
        if stack is None or (_is_settled(stack) and stack["StackStatus"] != "REVIEW_IN_PROGRESS"):
            return stack
    raise AssertionError("pauses do not end")


def _is_settled(stack: StackTypeDef) -> bool:
    status = stack["StackStatus"]
    return status == "REVIEW_IN_PROGRESS" or not status.endswith("_IN_PROGRESS")


def _parameters(stack: StackTypeDef) -> dict[str, str]:
    return {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}


def _describe(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    try:
        stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    # A deleted stack is still found by its id.
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _failed(stack: StackTypeDef | None, follower: EventFollower) -> DeployError:
    name = follower.stack.split("/")[1] if "/" in follower.stack else follower.stack
    status = stack["StackStatus"] if stack is not None else "gone"
    failure = follower.failure
    if failure is None:
        reason = stack.get("StackStatusReason") if stack is not None else "it was deleted meanwhile"
        return DeployError(f"stack {name} is {status}: {reason}", "look at its events, then deploy again")
    problem = f"stack {name} is {status}: {failure.resource} ({failure.type}) in {failure.stack}: {failure.reason}"
    if failure.type == "AWS::S3::Bucket" and "exists" in failure.reason:
        # Buckets outlive their stage, so this is what deploying a stage again after destroying it comes to.
        return DeployError(problem, "give the stage another BucketSuffix, or keep its files elsewhere and delete it")
    return DeployError(problem, "correct the cause, then deploy again; what the attempt left is cleared away first")


def _pauses() -> Iterator[None]:
    """Waits between two looks: short at first, for some stacks are quick; up to 3 s, for AWS limits their number."""
    seconds = 0.1
    while True:
        yield
        time.sleep(seconds)
        seconds = min(seconds * 1.4, 3.0)
