"""The Lambda entry for the paths of connectors: as `api.handler`, outside the network of the database.

Environment: STAGE, FETCH_FUNCTION.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from api import handler

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answers one request of API Gateway (REST, payload 1.0)."""
    return handler.handle(event, context)
