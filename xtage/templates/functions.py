"""CloudFormation's functions, as far as they can be answered without AWS.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from itertools import islice
from typing import Any, Protocol

from xtage.templates.errors import TemplateError

NO_VALUE = object()
"""What `AWS::NoValue` is: a property or an element that is not there."""

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")
_LITERAL = re.compile(r"\$\{!([^}]*)\}")


class Scope(Protocol):
    """Where a value stands: one stack, with its parameters."""

    @property
    def region(self) -> str: ...
    @property
    def template(self) -> Mapping[str, Any]: ...
    def ref(self, name: str) -> Any: ...
    def attribute(self, resource: str, attribute: str) -> Any: ...
    def condition(self, name: str) -> bool: ...


def evaluate(value: Any, scope: Scope) -> Any:
    """The value with every function in it answered. Raises TemplateError for a function that is not known here."""
    if isinstance(value, list):
        return [item for item in (evaluate(item, scope) for item in value) if item is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name in FUNCTIONS:
            return FUNCTIONS[name](argument, scope)
        if name.startswith("Fn::"):
            raise TemplateError(f"the function {name} is not known", "add it to xtage/templates/functions.py")
    evaluated = {key: evaluate(item, scope) for key, item in value.items()}
    return {key: item for key, item in evaluated.items() if item is not NO_VALUE}


def is_true(condition: Any, scope: Scope) -> bool:
    """Whether a condition holds: its name, or the functions that it is made of."""
    if isinstance(condition, str):
        return scope.condition(condition)
    ((name, argument),) = condition.items()
    if name == "Condition":
        return scope.condition(argument)
    if name == "Fn::Equals":
        left, right = (evaluate(side, scope) for side in argument)
        return str(left) == str(right)
    parts = (is_true(part, scope) for part in argument)
    if name == "Fn::Not":
        return not next(parts)
    if name == "Fn::And":
        return all(parts)
    if name == "Fn::Or":
        return any(parts)
    raise TemplateError(f"the condition function {name} is not known", "add it to xtage/templates/functions.py")


def _get_att(argument: Any, scope: Scope) -> Any:
    resource, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
    return scope.attribute(resource, attribute)


def _sub(argument: Any, scope: Scope) -> str:
    text, given = (argument, {}) if isinstance(argument, str) else argument
    own = {name: evaluate(value, scope) for name, value in given.items()}

    def value_of(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name in own:
            return str(own[name])
        if "." in name:
            return str(_get_att(name, scope))
        return str(scope.ref(name))

    return _LITERAL.sub(r"${\1}", _VARIABLE.sub(value_of, text))


def _if(argument: Any, scope: Scope) -> Any:
    condition, yes, no = argument
    return evaluate(yes if scope.condition(condition) else no, scope)


def _join(argument: Any, scope: Scope) -> str:
    separator, parts = argument
    return str(separator).join(str(part) for part in evaluate(parts, scope))


def _split(argument: Any, scope: Scope) -> list[str]:
    separator, text = argument
    return str(evaluate(text, scope)).split(separator)


def _select(argument: Any, scope: Scope) -> Any:
    index, values = argument
    return evaluate(values, scope)[int(evaluate(index, scope))]


def _cidr(argument: Any, scope: Scope) -> list[str]:
    block, count, bits = (evaluate(part, scope) for part in argument)
    subnets = ip_network(block).subnets(new_prefix=32 - int(bits))
    return [str(subnet) for subnet in islice(subnets, int(count))]


def _zones(argument: Any, scope: Scope) -> list[str]:
    # Every region has three zones or more.
    return [f"{evaluate(argument, scope) or scope.region}{letter}" for letter in "abc"]


def _find_in_map(argument: Any, scope: Scope) -> Any:
    name, first, second = (evaluate(part, scope) for part in argument)
    return evaluate(scope.template["Mappings"][name][first][second], scope)


FUNCTIONS: Mapping[str, Callable[[Any, Scope], Any]] = {
    "Ref": lambda name, scope: scope.ref(name),
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::If": _if,
    "Fn::Join": _join,
    "Fn::Split": _split,
    "Fn::Select": _select,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _zones,
    "Fn::FindInMap": _find_in_map,
    # Whoever reads a rendered template wants the text.
    "Fn::Base64": evaluate,
}
