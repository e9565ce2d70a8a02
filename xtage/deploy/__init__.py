"""Puts the pipeline into an AWS account, or into the embedded AWS: what is installed, where it goes, the stacks.

    outputs = deploy("dev", boto3.Session())

The endpoint comes from the session and the environment (`AWS_ENDPOINT_URL`); nothing here knows which AWS it talks to.
"""

from xtage.deploy.changes import Change
from xtage.deploy.command import command
from xtage.deploy.deployment import PROJECT, deploy, destroy, stages
from xtage.deploy.errors import DeployError
from xtage.deploy.events import StackEvent

__all__ = ["PROJECT", "Change", "DeployError", "StackEvent", "command", "deploy", "destroy", "stages"]
