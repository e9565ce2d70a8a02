"""A nested stack's resources know their secrets and keep their attributes over updates; one that failed goes again.

In ministack `{{resolve:...}}` stays as it stands in a nested stack, and a resource that an update leaves unchanged
loses what Fn::GetAtt can read of it. Root stacks have neither fault; they call the functions under names of their own.
A nested stack that could not be created stays, with what it had created, and its parent's events do not tell its id.
One that is deleted takes along what its template says to retain.
"""

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import engine, provisioners, stacks

RESOURCE_TYPE = "AWS::CloudFormation::Stack"


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

    def create_or_clear(logical_id: str, properties: Any, parent: str) -> Any:
        try:
            return create(logical_id, properties, parent)
        except Exception:
            _clear_failed(logical_id, parent)
            raise

    provisioners._provision_resource = provision_resolved
    provisioners._update_resource = update_resolved
    handlers = provisioners._RESOURCE_HANDLERS[RESOURCE_TYPE]
    create, delete = handlers["create"], handlers["delete"]

    def delete_but_retain(physical_id: str, properties: Any) -> None:
        _leave_retained(physical_id)
        delete(physical_id, properties)

    provisioners._RESOURCE_HANDLERS[RESOURCE_TYPE] = handlers | {"create": create_or_clear, "delete": delete_but_retain}


def _resolved(properties: Any) -> Any:
    return engine._resolve_dynamic_references(properties)[0]


def _attributes(stack: str, logical_id: str) -> Any:
    resources = cloudformation._stacks.get(stack, {}).get("_resources", {})
    return resources.get(logical_id, {}).get("Attributes")


def _clear_failed(logical_id: str, parent: str) -> None:
    """Tells in the parent's events, as AWS does at the start, which stack was being created, and deletes it."""
    delete = provisioners._RESOURCE_HANDLERS[RESOURCE_TYPE]["delete"]
    for name, stack in list(cloudformation._stacks.items()):
        is_child = stack.get("_parent_stack_name") == parent and name.startswith(f"{parent}-{logical_id}-")
        if is_child and stack["StackStatus"] == "CREATE_FAILED":
            started = (RESOURCE_TYPE, "CREATE_IN_PROGRESS", "Resource creation Initiated", stack["StackId"])
            stacks._add_event(cloudformation._stacks[parent]["StackId"], parent, logical_id, *started)
            delete(name, {})


def _leave_retained(physical_id: str) -> None:
    """Takes what shall outlive the stack out of its list; a stack that goes because its parent could not be created
    leaves nothing."""
    child = cloudformation._stacks.get(provisioners._nested_stack_lookup_name(physical_id)) or {}
    parent = cloudformation._stacks.get(child.get("_parent_stack_name")) or {}
    if parent.get("StackStatus") != "DELETE_IN_PROGRESS":
        return
    for logical_id, definition in child["_template"]["Resources"].items():
        if definition.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate"):
            child["_resources"].pop(logical_id, None)
