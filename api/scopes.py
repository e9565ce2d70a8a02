"""Whether a request may be answered: the authorizer found the scopes of its key, the route names those it asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from api.keys import Scope
from api.problems import FieldError, Problem

if TYPE_CHECKING:
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

    Next = Callable[[APIGatewayRestResolver], Response[Any]]
    Middleware = Callable[[APIGatewayRestResolver, Next], Response[Any]]


PERSONAL = ("customer_name", "age", "gender", "raw_value", "raw_start")
"""The fields that only a key with the scope `personal` sees."""


def visible(fields: Iterable[str], held: frozenset[str]) -> list[str]:
    """The fields that a caller with these scopes may see."""
    return [name for name in fields if name not in PERSONAL or Scope.PERSONAL in held]


def scopes_of(event: Mapping[str, Any]) -> frozenset[str]:
    """The scopes that the authorizer gave to the caller of an API Gateway event; none without an authorizer."""
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    return frozenset(str(authorizer.get("scopes", "")).split())


def require(held: Iterable[str], wanted: Iterable[Scope]) -> None:
    """Raises Problem (403) unless one of the wanted scopes is held."""
    if not set(wanted) & set(held):
        named = " or ".join(wanted)
        raise Problem(
            HTTPStatus.FORBIDDEN,
            f"the key has not the scope {named}; ask for a key that has",
            [FieldError("x-api-key", f"needs the scope {named}")],
        )


def requires(*wanted: Scope) -> Middleware:
    """A middleware that lets a request through only with one of these scopes."""

    def check(app: APIGatewayRestResolver, next_middleware: Next) -> Response[Any]:
        require(scopes_of(app.current_event.raw_event), wanted)
        return next_middleware(app)

    return check
