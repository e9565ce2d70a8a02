"""Fetching from other systems: begun here, carried out by a function of its own."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path

from api.answers import answer
from api.app import endpoint
from api.connectors.definition import load_connectors
from api.connectors.state import Fetch, Memory
from api.keys import Scope
from api.models import ConnectorState, StartedFetch
from api.problems import FieldError, Problem, unavailable
from loaders.contract import load_contracts

Name = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,62}$", description="Name of a connector.")]
UNKNOWN = {HTTPStatus.NOT_FOUND: "No connector has this name."}


@endpoint(
    "POST",
    "/v1/connectors/{name}/fetch",
    scopes=(Scope.OPERATE,),
    model=StartedFetch,
    tag="connectors",
    status=HTTPStatus.ACCEPTED,
    refusals=UNKNOWN | {HTTPStatus.CONFLICT: "It is being fetched already."},
)
def post_fetch(name: Name) -> Response[str]:
    """Fetch what is new from another system

    All pages become one object of the feed, or nothing does. `state` is the path that tells how it goes.
    """
    memory = _memory(name)
    last = memory.last_fetch()
    if last is not None and last.is_under_way:
        raise Problem(HTTPStatus.CONFLICT, f"{name} is being fetched already; see /v1/connectors/{name}")
    fetch = Fetch(fetch_id=str(uuid.uuid4()), status="queued", queued_at=datetime.now(UTC))
    memory.keep_fetch(fetch)
    _start(name, fetch)
    return answer(
        {"connector": name, "fetch_id": fetch.fetch_id, "state": f"/v1/connectors/{name}"}, HTTPStatus.ACCEPTED
    )


@endpoint(
    "GET",
    "/v1/connectors/{name}",
    scopes=(Scope.OPERATE,),
    model=ConnectorState,
    tag="connectors",
    refusals=UNKNOWN,
)
def get_connector(name: Name) -> Response[str]:
    """Tell how the last fetch went, and up to which day everything has come"""
    memory = _memory(name)
    last = memory.last_fetch()
    connector = load_connectors(load_contracts())[name]
    return answer({"connector": name, "feed": connector.feed, "watermark": memory.watermark(), "last_fetch": last})


def _memory(name: str) -> Memory:
    import boto3

    if name not in (known := load_connectors(load_contracts())):
        reason = f"there is no such connector, only {', '.join(known)}"
        raise Problem(HTTPStatus.NOT_FOUND, reason, [FieldError("name", reason)])
    return Memory(boto3.client("ssm"), os.environ["STAGE"], name)


def _start(name: str, fetch: Fetch) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    payload: dict[str, Any] = {"connector": name, "fetch": msgspec.to_builtins(fetch)}
    try:
        boto3.client("lambda").invoke(
            FunctionName=os.environ["FETCH_FUNCTION"], InvocationType="Event", Payload=msgspec.json.encode(payload)
        )
    except (ClientError, BotoCoreError) as error:
        raise unavailable("the fetch could not be started; try again", 5) from error
