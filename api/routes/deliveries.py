"""What became of files: state, counts, and the records that were refused."""

from __future__ import annotations

import os
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from api.answers import answer, page
from api.app import app, endpoint
from api.database import Row, ask
from api.delivery_id import version_named
from api.keys import Scope
from api.models import Delivery, DeliveryWithRejects, Page, Reject
from api.object_store import version_exists
from api.paging import BigInteger, cursor_of, key_in, query_digest
from api.parameters import DEFAULT_LIMIT, LARGEST_ID, Cursor, Feed, Limit, ObjectKey
from api.problems import FieldError, Problem, not_found
from api.scopes import scopes_of, visible
from loaders.contract import feed_of, load_contracts
from loaders.storage import ObjectVersion

DELIVERIES = """
    select
        deliveries.delivery_id, deliveries.feed, deliveries.object_key, deliveries.version_id, deliveries.status,
        deliveries.delivered_at, deliveries.bytes, deliveries.attempts, deliveries.error, deliveries.run_id,
        deliveries.registered_at, deliveries.finished_at, deliveries.load_id, loads.records_read,
        loads.records_loaded, loads.records_rejected, loads.blank_lines
    from ops.deliveries as deliveries
    left join ops.loads as loads on deliveries.load_id = loads.load_id
    where {conditions}
    order by deliveries.delivery_id desc
    limit :most
"""
CONDITIONS = {
    "feed": "deliveries.feed = :feed",
    "status": "deliveries.status = :status",
    "object_key": "deliveries.object_key = :object_key",
    "before_id": "deliveries.delivery_id < :before_id",
}
BY_NUMBER = "deliveries.delivery_id = :delivery_id"
BY_VERSION = (
    "deliveries.bucket = :bucket and deliveries.object_key = :object_key and deliveries.version_id = :version_id"
)
REJECT_FIELDS = tuple(Reject.__annotations__)
REJECTS = """
    select {fields} from ops.rejects
    where load_id = :load_id and row_number > :after_row
    order by row_number
    limit :most
"""
Status = Literal["pending", "loaded", "duplicate", "failed", "unrecognized"]
LOOK = (Scope.INGEST, Scope.OPERATE)


class DeliveryPosition(msgspec.Struct, frozen=True, array_like=True):
    """The key of a delivery."""

    delivery_id: BigInteger


class RejectPosition(msgspec.Struct, frozen=True, array_like=True):
    """The key of a reject within its load."""

    row_number: BigInteger


@endpoint(
    "GET",
    "/v1/feeds/{feed}/deliveries",
    scopes=LOOK,
    model=Page[Delivery],
    tag="ingest",
    refusals={HTTPStatus.NOT_FOUND: "No feed has this name."},
)
def list_deliveries(
    feed: Feed,
    status: Annotated[Status | None, Query()] = None,
    object_key: Annotated[ObjectKey | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[str]:
    """List the deliveries of a feed, the newest first"""
    if feed not in load_contracts():
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such feed", [FieldError("feed", "there is no such feed")])
    filters: dict[str, Any] = {"feed": feed, "status": status, "object_key": object_key}
    digest = query_digest("deliveries", filters)
    before = key_in(cursor, digest, DeliveryPosition)
    filters["before_id"] = before.delivery_id if before else None
    given = {name: value for name, value in filters.items() if value is not None}
    conditions = " and ".join(CONDITIONS[name] for name in given)
    rows = ask(DELIVERIES.format(conditions=conditions), given | {"most": limit + 1})
    return answer(page(rows, limit, lambda row: cursor_of(digest, DeliveryPosition(row["delivery_id"]))))


@endpoint(
    "GET",
    "/v1/deliveries/{delivery_id}",
    scopes=LOOK,
    model=DeliveryWithRejects,
    tag="ingest",
    refusals={HTTPStatus.NOT_FOUND: "There is no such delivery."},
)
def get_delivery(
    delivery_id: Annotated[str, Path(max_length=2000, description="The number, or what a received file named.")],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[str]:
    """Tell what became of a file

    Its state, its counts, and a page of the records that were refused, each with row, line and rule; the beginning of
    such a record only with the scope `personal`. `received`: stored, and not yet seen by the pipeline.
    """
    digest = query_digest("rejects", {"delivery_id": delivery_id})
    after = key_in(cursor, digest, RejectPosition)
    delivery = _find(delivery_id)
    rejects: list[Row] = []
    if delivery.get("records_rejected"):
        fields = visible(REJECT_FIELDS, scopes_of(app.current_event.raw_event))
        begin = {"load_id": delivery["load_id"], "after_row": after.row_number if after else -1}
        rejects = ask(REJECTS.format(fields=", ".join(fields)), begin | {"most": limit + 1})
    shown = page(rejects, limit, lambda row: cursor_of(digest, RejectPosition(row["row_number"])))
    return answer(delivery | {"rejects": shown})


def _find(name: str) -> Row:
    """The delivery of a number or of an object version. Raises Problem (404) when there is none."""
    missing = not_found("there is no such delivery")
    if name.isascii() and name.isdecimal():
        if int(name) > LARGEST_ID:
            raise missing
        found = _first(BY_NUMBER, {"delivery_id": int(name)})
    else:
        version = version_named(name, os.environ["RAW_BUCKET"])
        if version is None:
            raise missing
        found = _first(BY_VERSION, asdict(version)) or _received(version)
    if found is None:
        raise missing
    return found


def _first(conditions: str, parameters: dict[str, Any]) -> Row | None:
    rows = ask(DELIVERIES.format(conditions=conditions), parameters | {"most": 1})
    return rows[0] if rows else None


def _received(version: ObjectVersion) -> Row | None:
    """What can be said of a version that the ledger does not know yet; None when S3 does not know it either."""
    if not version_exists(version.object_key, version.version_id):
        return None
    known = {
        "feed": feed_of(version.object_key, load_contracts().values()),
        "object_key": version.object_key,
        "version_id": version.version_id,
        "status": "received",
        "attempts": 0,
    }
    return dict.fromkeys(Delivery.__annotations__) | known
