"""Who may do what, as the rendered templates say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from xtage.templates.rendering import STACK, Resource, references

ROLE = "AWS::IAM::Role"
_PROFILE = "AWS::IAM::InstanceProfile"
_POLICIES = ("AWS::IAM::ManagedPolicy", "AWS::IAM::Policy")
# The properties in which a resource is given the role that it acts with; elsewhere a role is only named.
_ROLE_PROPERTY = re.compile(r"(Roles?|RoleArn|PermissionArn)$")
SECRET = "AWS::SecretsManager::Secret"
_ATTACHMENT = "AWS::SecretsManager::SecretTargetAttachment"
_WORKGROUP = "AWS::RedshiftServerless::Workgroup"


@dataclass(frozen=True)
class Grant:
    """One statement of a role's policies. `resources` are ARNs, with `<Stack.Resource>` in them, or `*`."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any]


class Deployment:
    """Rendered resources, to be asked how they hang together."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.resources = list(resources)
        self.by_id = {resource.id: resource for resource in self.resources}

    def of_type(self, *types: str) -> list[Resource]:
        """The resources of these types, in the templates' order."""
        return [resource for resource in self.resources if resource.type in types]

    def grants(self, role: Resource) -> list[Grant]:
        """Every statement of a role: of its own policies, of managed ones, and of those that name it."""
        attached = set(references(role.properties.get("ManagedPolicyArns", [])))
        shared = [
            policy.properties
            for policy in self.of_type(*_POLICIES)
            if policy.id in attached or role.id in references(policy.properties.get("Roles", []))
        ]
        documents = [policy["PolicyDocument"] for policy in (*role.properties.get("Policies", []), *shared)]
        return [_grant(statement) for document in documents for statement in listed(document["Statement"])]

    def managed_by_aws(self, role: Resource) -> list[str]:
        """The names of the policies of a role that AWS keeps."""
        attached = map(str, role.properties.get("ManagedPolicyArns", []))
        return [arn.rpartition("/")[2] for arn in attached if not list(references(arn))]

    def users(self, role: Resource) -> list[Resource]:
        """The resources that act with a role."""
        found = []
        for resource in self.resources:
            if resource.type not in (STACK, *_POLICIES) and role.id in _acts_with(resource.properties):
                found.extend(self._started_with(resource) if resource.type == _PROFILE else [resource])
        return found

    def role_of(self) -> Iterator[tuple[Resource, Resource]]:
        """Each role with each resource that acts with it."""
        for role in self.of_type(ROLE):
            for user in self.users(role):
                yield role, user

    def secret_behind(self, name: str) -> Resource | None:
        """The secret that an ARN names: itself, or the one that it attaches to a database."""
        resource = self.by_id.get(name)
        if resource is None or resource.type == SECRET:
            return resource
        if resource.type == _ATTACHMENT:
            return self.by_id[next(references(resource.properties["SecretId"]))]
        return None

    def opened_by(self, secret: Resource) -> list[Resource]:
        """The databases whose user it holds: it is attached to them, or their namespace has its password."""
        found: list[str] = []
        for attachment in self.of_type(_ATTACHMENT):
            if secret.id in references(attachment.properties["SecretId"]):
                found.extend(references(attachment.properties["TargetId"]))
        for workgroup in self.of_type(_WORKGROUP):
            namespace = self.by_id[next(references(workgroup.properties["NamespaceName"]))]
            if secret.id in references(namespace.properties["AdminUserPassword"]):
                found.append(workgroup.id)
        return [self.by_id[name] for name in found]

    def _started_with(self, profile: Resource) -> list[Resource]:
        return [resource for resource in self.resources if profile.id in references(resource.properties)]


def listed(value: Any) -> list[Any]:
    """A value that may stand alone or in a list."""
    return value if isinstance(value, list) else [value]


def is_in_network(resource: Resource) -> bool:
    """Whether a resource is in the stage's network: it names subnets, or a group of them."""
    properties = resource.properties
    network = properties.get("VpcConfig") or properties.get("SubnetIds") or properties.get("SubnetId")
    return bool(network or properties.get("DBSubnetGroupName") or properties.get("NetworkInterfaces"))


def _acts_with(value: Any) -> Iterator[str]:
    """The ids of the roles that stand in properties made for one."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from references(item) if _ROLE_PROPERTY.search(name) else _acts_with(item)
    elif isinstance(value, list):
        for item in value:
            yield from _acts_with(item)


def _grant(statement: Mapping[str, Any]) -> Grant:
    return Grant(
        effect=statement["Effect"],
        actions=tuple(map(str, listed(statement["Action"]))),
        resources=tuple(map(str, listed(statement["Resource"]))),
        condition=statement.get("Condition", {}),
    )
