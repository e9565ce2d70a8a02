"""The Lambda entry of the API.

Environment: DATABASE_SECRET (of a user that only reads), DATABASE_TLS, DATABASE_CA_BUNDLE, RAW_BUCKET. One line is
logged per request: method, route, status, key id, request id, milliseconds; never a parameter's value, a body or a key.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from api.app import app, logger, route_of
from api.documentation import register_routes

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

register_routes()


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers one request of API Gateway (REST, payload 1.0)."""
    started = time.perf_counter()
    answer = app.resolve(event, context)
    called = event["requestContext"]
    logger.info(
        "answered",
        method=event.get("httpMethod"),
        route=route_of(event["path"]),
        status=answer["statusCode"],
        key_id=(called.get("authorizer") or {}).get("principalId"),
        request_id=called.get("requestId"),
        milliseconds=round((time.perf_counter() - started) * 1000, 1),
    )
    return answer
