"""What each role is allowed, read from the deployed stacks, and what its component asked the embedded AWS for."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from localcloud.aws.launcher import PERMISSIONS
from tests.end_to_end.conftest import Cloud
from tests.privilege.reasons import DENIED_ON_PURPOSE, NEEDED_BY_AWS, Reason

STACK = "xtage-local"


@dataclass(frozen=True, order=True)
class Grant:
    """One action that one statement of one role allows; the role as `stack.LogicalName`."""

    role: str
    statement: str
    action: str

    def __str__(self) -> str:
        return f"{self.role} {self.statement} {self.action}"

    def is_meant_by(self, reason: Reason) -> bool:
        """Whether a reason speaks of it."""
        return fnmatch(self.role, reason.role) and self.action in reason.actions


class Roles:
    """The roles of some nested stacks of a local cloud, by the name they have in the template."""

    def __init__(self, cloud: Cloud, *stacks: str) -> None:
        self._cloud = cloud
        self._iam = cloud.client("iam")
        self.names = {role: name for stack in stacks for role, name in self._roles(stack)}

    def grants(self) -> set[Grant]:
        """Everything they are allowed."""
        return {
            Grant(role, str(statement.get("Sid")), action)
            for role, name in self.names.items()
            for statement in self._statements(name)
            if statement["Effect"] == "Allow"
            for action in _listed(statement["Action"])
        }

    def used(self) -> set[Grant]:
        """What of it was asked for."""
        return {
            Grant(role, str(line["statement"]), line["action"]) for role, line in self._asked() if line["statement"]
        }

    def refused(self) -> set[str]:
        """What was asked for and not allowed: role, action and resource."""
        return {
            f"{role} {line['action']} on {line['resource']}"
            for role, line in self._asked()
            if not line["statement"] and not any(_means(reason, role, line["action"]) for reason in DENIED_ON_PURPOSE)
        }

    def _asked(self) -> Iterator[tuple[str, dict[str, Any]]]:
        known = {name: role for role, name in self.names.items()}
        for line in (Path(self._cloud.environment["XTAGE_HOME"]) / PERMISSIONS).read_text().splitlines():
            asked = json.loads(line)
            if role := known.get(asked["role"]):
                yield role, asked

    def _roles(self, stack: str) -> Iterator[tuple[str, str]]:
        resources = self._resources(self._resources(STACK)[stack])
        for logical, physical in resources.items():
            if logical.endswith("Role"):
                yield f"{stack.lower()}.{logical}", physical

    def _resources(self, stack: str) -> dict[str, str]:
        found = self._cloud.client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}

    def _statements(self, role: str) -> Iterator[dict[str, Any]]:
        for policy in self._iam.list_role_policies(RoleName=role)["PolicyNames"]:
            yield from self._iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]["Statement"]
        for attached in self._iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = attached["PolicyArn"]
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            found = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
            yield from found["PolicyVersion"]["Document"]["Statement"]


def unexplained(grants: Iterable[Grant], used: set[Grant]) -> list[str]:
    """The grants that nobody used and that no AWS page asks for."""
    return [
        str(grant)
        for grant in sorted(grants)
        if grant not in used and not any(grant.is_meant_by(reason) for reason in NEEDED_BY_AWS)
    ]


def idle_reasons(grants: Iterable[Grant], used: set[Grant]) -> list[str]:
    """The reasons, for roles of these stacks, that no unused grant needs any more."""
    grants = list(grants)
    stacks = {grant.role.partition(".")[0] for grant in grants}
    return [
        f"{reason.role} {action}"
        for reason in NEEDED_BY_AWS
        if reason.role.partition(".")[0] in stacks
        for action in reason.actions
        if not any(fnmatch(one.role, reason.role) and one.action == action and one not in used for one in grants)
    ]


def _means(reason: Reason, role: str, action: str) -> bool:
    return fnmatch(role, reason.role) and action in reason.actions


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
