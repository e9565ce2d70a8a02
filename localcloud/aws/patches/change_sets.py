"""A change set sees what a condition switches on or off.

ministack compares the resources of both templates, whatever their conditions say: where a parameter does no more than
switch some on, it finds nothing to change, and the parameter stays as it was.
"""

from typing import Any

from ministack.services.cloudformation import changesets


def apply() -> None:
    """Puts the patch in place."""
    resolve = changesets._resolve_props_for_diff

    def resolve_those_there(template: Any, parameters: Any, *stack: Any) -> Any:
        resolved = resolve(template, parameters, *stack)
        conditions = changesets._evaluate_conditions(template, parameters) if template else {}
        there = {
            logical_id: resource
            for logical_id, resource in resolved.get("Resources", {}).items()
            if conditions.get(resource.get("Condition"), True)
        }
        return {"Resources": there} if resolved else resolved

    changesets._resolve_props_for_diff = resolve_those_there
