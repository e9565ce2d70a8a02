"""The Lambda entry that fetches: {"connector": name, "fetch": {...}} from the API, anything else from the schedule.

Outside the network of the database. Environment: RAW_BUCKET, STAGE.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import msgspec
from aws_lambda_powertools import Logger

from api.connectors.definition import Connector, load_connectors
from api.connectors.fetch import Surroundings, fetch, secret_name
from api.connectors.state import Fetch, Memory
from loaders.contract import load_contracts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="connectors")


@logger.inject_lambda_context(clear_state=True)
def run(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Fetches one connector, or all whose time has come: {"fetches": {name: status}}."""
    connectors = load_connectors(load_contracts())
    if "connector" in event:
        wanted = [(connectors[event["connector"]], msgspec.convert(event["fetch"], Fetch))]
    else:
        wanted = list(_due(connectors.values()))
    return {"fetches": {connector.name: _fetch(connector, begun, context) for connector, begun in wanted}}


def _fetch(connector: Connector, begun: Fetch, context: LambdaContext) -> str:
    logger.info("fetch begins", connector=connector.name, fetch_id=begun.fetch_id)
    around = Surroundings(
        s3=boto3.client("s3"),
        secrets=boto3.client("secretsmanager"),
        memory=_memory(connector.name),
        bucket=os.environ["RAW_BUCKET"],
        stage=os.environ["STAGE"],
        # With time left to write down how it went.
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000 - 30,
    )
    ended = fetch(connector, begun, around)
    logger.info(
        "fetch ends",
        connector=connector.name,
        fetch_id=ended.fetch_id,
        status=ended.status,
        pages=ended.pages,
        records=ended.records,
        error=ended.error,
    )
    return ended.status


def _due(connectors: Any) -> Iterator[tuple[Connector, Fetch]]:
    """Connectors that somebody has set up, and whose last fetch began long enough ago."""
    secrets = boto3.client("secretsmanager")
    for connector in connectors:
        if connector.every_hours is None or not _has_secret(secrets, connector.name):
            continue
        last = _memory(connector.name).last_fetch()
        now = datetime.now(UTC)
        if last is None or (not last.is_under_way and now - last.queued_at >= timedelta(hours=connector.every_hours)):
            yield connector, Fetch(fetch_id=str(uuid.uuid4()), status="queued", queued_at=now)


def _has_secret(secrets: Any, connector: str) -> bool:
    try:
        secrets.describe_secret(SecretId=secret_name(os.environ["STAGE"], connector))
    except secrets.exceptions.ResourceNotFoundException:
        return False
    return True


def _memory(connector: str) -> Memory:
    return Memory(boto3.client("ssm"), os.environ["STAGE"], connector)
