"""The description of the API: the OpenAPI document."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from typing import Any

from aws_lambda_powertools.event_handler.openapi.models import APIKey, APIKeyIn

from api.app import KEY, app

TITLE = "xtage"
VERSION = "1"
ROUTES = (
    "health",
    "sales",
    "provenance",
    "products",
    "customers",
    "issues",
    "metrics",
    "files",
    "deliveries",
    "connectors",
    "docs",
)
DESCRIPTION = """
Brings files in and reads the unified dataset out.

Every request carries a key in the header `x-api-key`; each path names the scope that the key needs. Lists answer
`items` and `next_cursor`; the next page is the same request with `cursor`. Errors are problem details (RFC 9457) that
name the field and the reason. Amounts are numbers with all their digits, times are UTC.
""".strip()


def register_routes() -> None:
    """Imports every module of routes, which registers them."""
    for name in ROUTES:
        import_module(f"api.routes.{name}")


@cache
def openapi() -> str:
    """The OpenAPI 3.1 document, as JSON. Its paths go on where the version in its own address begins."""
    document = json.loads(_generated())
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                parameter["schema"] = _without_null(parameter["schema"])
    return json.dumps(document, separators=(",", ":"))


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema: an optional one is left out, for there is no null in a URL."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    rest = {name: value for name, value in schema.items() if name not in ("anyOf", "title", "description")}
    return {**kinds[0], **rest} if len(kinds) == 1 else schema


def _generated() -> str:
    from aws_lambda_powertools.event_handler.openapi.models import Server

    header = APIKey.model_validate({"name": "x-api-key", "in": APIKeyIn.header})
    return app.get_openapi_json_schema(
        title=TITLE,
        version=VERSION,
        description=DESCRIPTION,
        servers=[Server(url="..")],
        security_schemes={KEY: header},
    )
