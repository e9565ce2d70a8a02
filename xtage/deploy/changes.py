"""What a change set would change, in its stack and in the stacks nested in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xtage.deploy.events import STACK

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True)
class Change:
    """One resource that would be added, modified or removed.

    `replaced`: its physical resource would be a new one, and the old one deleted: `True`, `False` or `Conditional`.
    """

    stack: str
    action: str
    resource: str
    type: str
    replaced: str


OnChanges = Callable[[list[Change]], None]
"""Sees the changes before they are made; what it raises calls them off."""


def changes_of(cloudformation: CloudFormationClient, change_set: str) -> Iterator[Change]:
    """The changes of a change set given by its id; of a nested stack those in it, where CloudFormation tells them."""
    pages = cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
    for page in pages:
        for change in page.get("Changes", []):
            resource = change["ResourceChange"]
            nested = resource.get("ChangeSetId")
            if nested and resource.get("ResourceType") == STACK:
                yield from changes_of(cloudformation, nested)
            else:
                yield Change(
                    stack=page["StackName"],
                    action=resource["Action"],
                    resource=resource["LogicalResourceId"],
                    type=resource["ResourceType"],
                    replaced=resource.get("Replacement", ""),
                )
