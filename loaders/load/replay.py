"""Lands a delivery again from S3, in place of what its load landed: the same tables however often it is done."""

from __future__ import annotations

from loaders import ledger
from loaders.contract import Contract, feed_of
from loaders.database import Cursor, transaction
from loaders.errors import DataError, TerminalError, TransientError
from loaders.ledger import Delivery
from loaders.load.rds import Loader, Outcome, outcome
from loaders.replays import request_replay
from loaders.storage import Drop, find_version


def replay(loader: Loader, *, load_id: int | None = None, object_key: str | None = None) -> Outcome:
    """Lands the delivery of a load, or the newest one of an object key, again from its version in S3.

    A content that has landed keeps its load's id; its rows, rejects and counts are replaced in one transaction, read
    with today's contract. A delivery that has not landed is loaded as a run would load it. What goes by way of Glue is
    `pending` then: the next run lands it, with the contract of its day. Raises DataError when the version is gone or
    the file is refused now, TransientError and TerminalError; what landed before is then untouched.
    """
    with transaction(loader.connection) as cursor:
        delivery_id = _delivery_of_load(cursor, load_id) if load_id is not None else _newest(cursor, object_key or "")
        delivery = ledger.find_delivery(cursor, delivery_id)
    if delivery.load_id is None:
        _make_pending(loader, delivery)
        return _load_unless_nested(loader, delivery_id)
    with transaction(loader.connection) as cursor:
        # A duplicate's content is that of its load: the delivery that landed it is the one to read.
        source = ledger.find_delivery(cursor, _delivery_of_load(cursor, delivery.load_id))
    try:
        contract = _contract_of(loader, source)
        if contract.route == "glue":
            return _leave_to_a_run(loader, source)
        loader.read_and_land(source, contract, None)
    except (DataError, TransientError, TerminalError) as error:
        error.object_key, error.feed = source.version.object_key, source.feed
        raise
    with transaction(loader.connection) as cursor:
        return outcome(cursor, delivery_id)


def _load_unless_nested(loader: Loader, delivery_id: int) -> Outcome:
    """Loads it at once; what goes by way of Glue is pending now, and the next run takes it."""
    with transaction(loader.connection) as cursor:
        found = ledger.find_delivery(cursor, delivery_id)
        if loader.contracts[str(found.feed)].route == "glue":
            return outcome(cursor, delivery_id)
    return loader.load(delivery_id, None)


def _delivery_of_load(cursor: Cursor, load_id: int) -> int:
    cursor.execute(
        "select delivery_id from ops.deliveries where load_id = %s "
        "order by status = 'loaded' desc, delivery_id limit 1",
        (load_id,),
    )
    rows = cursor.fetchall()
    if not rows:
        raise TerminalError(f"there is no load {load_id}", remedy="see ops.loads for those there are")
    return int(rows[0][0])


def _newest(cursor: Cursor, object_key: str) -> int:
    cursor.execute(
        "select delivery_id from ops.deliveries where object_key = %s order by version_order desc, delivery_id desc "
        "limit 1",
        (object_key,),
    )
    rows = cursor.fetchall()
    if not rows:
        raise TerminalError(
            f"there is no delivery of {object_key}", remedy="see object_key in ops.deliveries for those there are"
        )
    return int(rows[0][0])


def _make_pending(loader: Loader, delivery: Delivery) -> None:
    """Lets a delivery that never landed be loaded again, when S3 still has it and today's contracts know it."""
    version = delivery.version
    feed = feed_of(version.object_key, loader.contracts.values())
    if feed is None:
        raise TerminalError(f"{version.object_key} {ledger.UNRECOGNIZED}")
    drop = _require_there(loader, delivery)
    if drop.problem:
        raise DataError(drop.problem, object_key=version.object_key)
    with transaction(loader.connection) as cursor:
        cursor.execute(
            "update ops.deliveries set status = 'pending', feed = %s, delivered_at = %s, attempts = 0, error = null, "
            "finished_at = null where delivery_id = %s and load_id is null",
            (feed, drop.delivered_at, delivery.delivery_id),
        )


def _contract_of(loader: Loader, delivery: Delivery) -> Contract:
    contract = loader.contracts.get(delivery.feed or "")
    if contract is None:
        raise TerminalError(f"feed {delivery.feed} has no contract", remedy="deploy the contract, then replay")
    return contract


def _leave_to_a_run(loader: Loader, delivery: Delivery) -> Outcome:
    _require_there(loader, delivery)
    with transaction(loader.connection) as cursor:
        request_replay(cursor, delivery)
        return outcome(cursor, delivery.delivery_id)


def _require_there(loader: Loader, delivery: Delivery) -> Drop:
    version = delivery.version
    drop = find_version(loader.s3, version.bucket, version.object_key, version.version_id)
    if drop is None:
        raise DataError(f"version {version.version_id} is gone from bucket {version.bucket}", remedy="drop it again")
    return drop
