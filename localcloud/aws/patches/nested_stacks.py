"""A nested stack's resources know their secrets, and keep their attributes when the stack is updated.

In ministack `{{resolve:...}}` stays as it stands in a nested stack, and a resource that an update leaves unchanged
loses what Fn::GetAtt can read of it. Root stacks have neither fault; they call the functions under names of their own.
"""

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners


def apply() -> None:
    """Puts the patches in place."""
    provision, update = provisioners._provision_resource, provisioners._update_resource

    def provision_resolved(resource_type: str, logical_id: str, properties: Any, *others: Any) -> Any:
        return provision(resource_type, logical_id, _resolved(properties), *others)

    def update_resolved(
        resource_type: str,
        physical_id: str,
        old: Any,
        new: Any,
        stack: str,
        logical_id: str,
        attributes: Any = None,
    ) -> Any:
        kept = attributes or _attributes(stack, logical_id)
        return update(resource_type, physical_id, _resolved(old), _resolved(new), stack, logical_id, kept)

    provisioners._provision_resource = provision_resolved
    provisioners._update_resource = update_resolved


def _resolved(properties: Any) -> Any:
    return engine._resolve_dynamic_references(properties)[0]


def _attributes(stack: str, logical_id: str) -> Any:
    resources = cloudformation._stacks.get(stack, {}).get("_resources", {})
    return resources.get(logical_id, {}).get("Attributes")
