"""What each role is allowed, read from the deployed stacks, and what its component asked the embedded AWS for."""

import json
from collections.abc import Callable, Iterable, Iterator
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
    """The roles of some stacks, by the name they have in the template.

    `stacks` are the names of stacks by that of their template, `home` is that of the cloud in which they are.
    """

    def __init__(self, client: Callable[[str], Any], home: Path, **stacks: str) -> None:
        self._client, self._record = client, home / PERMISSIONS
        self._iam = client("iam")
        self.names = {
            f"{template}.{logical}": physical
            for template, stack in stacks.items()
            for logical, physical in self._resources(stack).items()
            if logical.endswith("Role")
        }

    @classmethod
    def of(cls, cloud: Cloud, *nested: str) -> "Roles":
        """Those of stacks nested in the root of a local cloud, by the root's names for them."""
        home = Path(cloud.environment["XTAGE_HOME"])
        root = cls(cloud.client, home)._resources(STACK)
        return cls(cloud.client, home, **{name.lower(): root[name] for name in nested})

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
        for line in self._record.read_text().splitlines():
            asked = json.loads(line)
            if role := known.get(asked["role"]):
                yield role, asked

    def _resources(self, stack: str) -> dict[str, str]:
        found = self._client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
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
