"""A change set sees what a condition adds and takes away.

ministack compares the properties of all resources that a template names. Where a parameter only turns a condition
around, it finds nothing changed.
"""

from typing import Any

from ministack.services.cloudformation import changesets, engine


def apply() -> None:
    """Puts the patch in place."""
    resolved = changesets._resolve_props_for_diff

    def resolved_of_those_there(template: Any, parameters: Any, *stack: str) -> Any:
        found = resolved(template, parameters, *stack)
        holds = engine._evaluate_conditions(template, parameters)
        there = {
            name: resource
            for name, resource in found.get("Resources", {}).items()
            if holds.get(resource.get("Condition"), True)
        }
        return {**found, "Resources": there}

    changesets._resolve_props_for_diff = resolved_of_those_there
