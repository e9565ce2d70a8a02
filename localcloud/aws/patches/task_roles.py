"""A task of a state machine is done only where the machine's role allows it; ministack asks no role.

What Step Functions does beside that, to learn of a job's end or to write its log, nobody does here.
"""

from collections.abc import Mapping
from typing import Any

from ministack.core import responses
from ministack.services import stepfunctions

from localcloud.aws.launcher import REGION
from localcloud.aws.patches import permissions
from localcloud.aws.patches.executions import current

PREFIX = "arn:aws:states:::"

# What a task asks AWS for, and on which resource, by its arguments. Another one asks for what no policy gives, so that
# it does not go unseen.
NEEDS = {
    "lambda:invoke": ("lambda:InvokeFunction", "{FunctionName}"),
    "codebuild:startBuild.sync": ("codebuild:StartBuild", "arn:aws:codebuild:{region}:{account}:project/{ProjectName}"),
    "glue:startJobRun.sync": ("glue:StartJobRun", "arn:aws:glue:{region}:{account}:job/{JobName}"),
    "aws-sdk:sfn:describeExecution": ("states:DescribeExecution", "{ExecutionArn}"),
    "states:startExecution": ("states:StartExecution", "{StateMachineArn}"),
    "sns:publish": ("sns:Publish", "{TopicArn}"),
}


def apply() -> None:
    """Puts the patch in place."""
    invoke = stepfunctions._invoke_resource

    def invoke_if_allowed(resource: str, arguments: Any) -> Any:
        if resource.startswith(PREFIX):
            _require(resource.removeprefix(PREFIX), arguments)
        return invoke(resource, arguments)

    stepfunctions._invoke_resource = invoke_if_allowed


def _require(kind: str, arguments: Mapping[str, Any]) -> None:
    """Raises the engine's error, which no retry of a task is for, when the role does not allow it."""
    execution = current()
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"]) if execution else None
    action, pattern = NEEDS.get(kind, (kind, "*"))
    resource = pattern.format(**arguments, region=REGION, account=responses.get_account_id())
    if machine and not permissions.allow(machine["roleArn"], action, resource):
        cause = f"{machine['roleArn']} is not authorized to perform {action} on {resource}"
        raise stepfunctions._ExecutionError("States.Permissions", cause)
