"""The Lambda entry that tells who calls: the header `x-api-key` to a key's scopes.

Environment: KEY_TABLE. API Gateway keeps an answer for a minute.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from api.keys import find_key, hash_of

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

logger = Logger(service="authorizer")
HEADER = "x-api-key"


class _Worker:
    """What a warm function keeps from one request to the next."""

    dynamodb: DynamoDBClient | None = None


def authorize(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Lets a caller with a valid key through to every path, with the key's scopes; routes ask for those they need.

    Raises an error of the text `Unauthorized`, which API Gateway answers with 401, for any other.
    """
    given = {name.lower(): value for name, value in (event.get("headers") or {}).items()}.get(HEADER, "")
    key = find_key(_dynamodb(), os.environ["KEY_TABLE"], hash_of(given))
    if key is None:
        logger.info("refused")
        raise Exception("Unauthorized")
    # The answer is kept for the key, whatever path it asked for first: it must hold for all of them.
    everything = "/".join(event["methodArn"].split("/")[:2]) + "/*"
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": everything}
    return {
        "principalId": key.key_id,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"scopes": " ".join(key.scopes)},
        # By this name the usage plan counts the caller.
        "usageIdentifierKey": key.key_hash,
    }


def _dynamodb() -> DynamoDBClient:
    if _Worker.dynamodb is None:
        # Most of a start; a caller without a header never comes here.
        import boto3
        from botocore.config import Config

        patience = Config(connect_timeout=2, read_timeout=2, retries={"total_max_attempts": 3})
        _Worker.dynamodb = boto3.client("dynamodb", config=patience)
    return _Worker.dynamodb
