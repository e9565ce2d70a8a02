"""The ledger in RDS (schema `ops`): deliveries and their outcomes. Functions work in their caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loaders.contract import Contract, Route, feed_of
from loaders.database import Cursor
from loaders.errors import TerminalError
from loaders.parse import Summary
from loaders.storage import Drop, ObjectVersion
from loaders.tables import NOW

MAX_ATTEMPTS = 5
"""Attempts after which a delivery whose errors are all transient counts as failed."""

FIND = """
    select
        deliveries.delivery_id, deliveries.feed, deliveries.bucket, deliveries.object_key, deliveries.version_id,
        deliveries.etag, deliveries.bytes, deliveries.delivered_at, coalesce(replays.status, deliveries.status),
        deliveries.load_id, case when replays.delivery_id is null then deliveries.error else replays.error end,
        replays.requested_at
    from ops.deliveries
    left join ops.replays on deliveries.delivery_id = replays.delivery_id
"""

UNRECOGNIZED = (
    "belongs to no feed, or to several -> drop it as raw/<feed>/<name>, or add its name to a contract's filePatterns"
)


@dataclass(frozen=True)
class Delivery:
    """One registered object version, as far as loading it needs to know.

    Status and error are those of its replay, where it was asked for again: `pending` with a load is a replay to do.
    """

    delivery_id: int
    feed: str | None
    version: ObjectVersion
    etag: str
    bytes: int
    delivered_at: datetime
    status: str
    load_id: int | None
    error: str | None
    replay_requested_at: datetime | None = None


@dataclass(frozen=True)
class Landed:
    """What was landed of a file: the hash of its bytes in S3, its counts, and which way."""

    content_sha256: str
    counts: Summary
    route: Route = "lambda"


def register(cursor: Cursor, drop: Drop, contracts: Mapping[str, Contract], sequencer: str | None = None) -> int:
    """Adds an object version to the deliveries, once however often it is called; returns its id.

    It becomes `pending`, `unrecognized` when no feed (or more than one) claims it, `failed` when it has a problem.
    """
    feed = feed_of(drop.version.object_key, contracts.values())
    status = "unrecognized" if feed is None else "failed" if drop.problem else "pending"
    error = UNRECOGNIZED if feed is None else drop.problem
    cursor.execute(
        f"""
        insert into ops.deliveries (
            feed, bucket, object_key, version_id, version_order, etag, sequencer, delivered_at, bytes, status, error,
            finished_at
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, case when %s = 'pending' then null else {NOW} end)
        on conflict (bucket, object_key, version_id)
        do update set sequencer = coalesce(deliveries.sequencer, excluded.sequencer)
        returning delivery_id
        """,
        (
            feed,
            drop.version.bucket,
            drop.version.object_key,
            drop.version.version_id,
            drop.version_order,
            drop.etag,
            sequencer,
            drop.delivered_at,
            drop.bytes,
            status,
            error,
            status,
        ),
    )
    return int(cursor.fetchall()[0][0])


def unregistered(cursor: Cursor, versions: Iterable[ObjectVersion]) -> list[ObjectVersion]:
    """Those versions, all of one bucket, that the ledger does not know yet."""
    asked = list(versions)
    if not asked:
        return []
    cursor.execute(
        """
        select asked.object_key, asked.version_id
        from unnest(cast(%s as text[]), cast(%s as text[])) as asked (object_key, version_id)
        where not exists (
            select from ops.deliveries as known
            where known.bucket = %s and known.object_key = asked.object_key and known.version_id = asked.version_id
        )
        """,
        ([one.object_key for one in asked], [one.version_id for one in asked], asked[0].bucket),
    )
    return [ObjectVersion(asked[0].bucket, key, version_id) for key, version_id in cursor.fetchall()]


def recognize_again(cursor: Cursor, contracts: Mapping[str, Contract]) -> int:
    """Makes unrecognized deliveries pending that a contract of today knows; returns how many."""
    cursor.execute("select delivery_id, object_key from ops.deliveries where status = 'unrecognized'")
    found = [(feed_of(key, contracts.values()), delivery_id) for delivery_id, key in cursor.fetchall()]
    known = [(feed, delivery_id) for feed, delivery_id in found if feed is not None]
    for feed, delivery_id in known:
        cursor.execute(
            "update ops.deliveries set status = 'pending', feed = %s, error = null, finished_at = null "
            "where delivery_id = %s",
            (feed, delivery_id),
        )
    return len(known)


def find_delivery(cursor: Cursor, delivery_id: int) -> Delivery:
    """One delivery. Raises TerminalError when there is none of that id."""
    cursor.execute(f"{FIND} where deliveries.delivery_id = %s", (delivery_id,))
    rows = cursor.fetchall()
    if not rows:
        raise TerminalError(f"there is no delivery {delivery_id}", remedy="see ops.deliveries for those there are")
    return _delivery(*rows[0])


def refused_on_arrival(cursor: Cursor, delivery_ids: Sequence[int]) -> list[Delivery]:
    """Those deliveries that were refused when they were registered, oldest first."""
    cursor.execute(
        f"{FIND} where deliveries.delivery_id = any(cast(%s as bigint[])) "
        "and deliveries.status in ('failed', 'unrecognized') and deliveries.attempts = 0 "
        "order by deliveries.delivery_id",
        (list(delivery_ids),),
    )
    return [_delivery(*row) for row in cursor.fetchall()]


def _delivery(delivery_id: int, feed: str | None, bucket: str, key: str, version_id: str, *rest: Any) -> Delivery:
    return Delivery(delivery_id, feed, ObjectVersion(bucket, key, version_id), *rest)


def feeds_of(cursor: Cursor, delivery_ids: Sequence[int]) -> dict[int, str | None]:
    """The feed of each delivery, null where it is unrecognized."""
    cursor.execute(
        "select delivery_id, feed from ops.deliveries where delivery_id = any(cast(%s as bigint[]))",
        (list(delivery_ids),),
    )
    return dict(cursor.fetchall())


def lock_version(cursor: Cursor, version: ObjectVersion) -> bool:
    """Takes the lock of one object version until the transaction ends; false when another session holds it."""
    name = f"xtage {version.bucket}\n{version.object_key}\n{version.version_id}"
    cursor.execute("select pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (name,))
    return bool(cursor.fetchall()[0][0])


def probably_landed(cursor: Cursor, delivery: Delivery) -> bool:
    """Whether a delivery of the same feed, etag and size has landed: then hashing first is cheaper than loading."""
    cursor.execute(
        "select exists ("
        "select from ops.deliveries where feed = %s and etag = %s and bytes = %s and load_id is not null)",
        (delivery.feed, delivery.etag, delivery.bytes),
    )
    return bool(cursor.fetchall()[0][0])


def find_load(cursor: Cursor, feed: str, content_sha256: str) -> int | None:
    """The load that holds a content of a feed, null when it has not landed."""
    cursor.execute(
        "select load_id from ops.loads where feed = %s and content_sha256 = %s",
        (feed, content_sha256),
    )
    rows = cursor.fetchall()
    return int(rows[0][0]) if rows else None


def new_load_id(cursor: Cursor) -> int:
    """The id of a load that is about to begin."""
    cursor.execute("select nextval('ops.load_ids')")
    return int(cursor.fetchall()[0][0])


def record_load(cursor: Cursor, load_id: int, contract: Contract, landed: Landed) -> bool:
    """Writes the load, or renews what it counted, with which contract and when, where its content is landed again.

    False when another load has landed the content (waits for a session that is just landing it).
    """
    cursor.execute(
        """
        insert into ops.loads (
            load_id, feed, content_sha256, contract_version, records_read, records_loaded, records_rejected,
            blank_lines, route
        )
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (feed, content_sha256)
        do update set
            contract_version = excluded.contract_version, records_read = excluded.records_read,
            records_loaded = excluded.records_loaded, records_rejected = excluded.records_rejected,
            blank_lines = excluded.blank_lines, route = excluded.route, loaded_at = excluded.loaded_at
        where loads.load_id = excluded.load_id
        returning load_id
        """,
        (
            load_id,
            contract.feed,
            landed.content_sha256,
            contract.version,
            landed.counts.records_read,
            landed.counts.records_loaded,
            landed.counts.records_rejected,
            landed.counts.blank_lines,
            landed.route,
        ),
    )
    return bool(cursor.fetchall())


def record_arrays(cursor: Cursor, load_id: int, elements: Mapping[str, int], rows: Mapping[str, int]) -> None:
    """Writes what each array of a load's records held, and how many of its rows landed."""
    for table, count in elements.items():
        cursor.execute(
            "insert into ops.load_arrays (load_id, table_name, elements, rows_loaded) values (%s, %s, %s, %s)",
            (load_id, table, count, rows[table]),
        )


def counts_of(cursor: Cursor, load_id: int) -> Summary:
    """What a load counted."""
    cursor.execute(
        "select records_read, records_loaded, records_rejected, blank_lines from ops.loads where load_id = %s",
        (load_id,),
    )
    read, loaded, rejected, blank_lines = (int(count) for count in cursor.fetchall()[0])
    return Summary(read, loaded, rejected, blank_lines)


def finish_delivery(
    cursor: Cursor,
    delivery_id: int,
    run_id: int | None,
    status: str,
    *,
    content_sha256: str | None,
    load_id: int | None,
) -> None:
    """Makes a pending delivery `loaded` or `duplicate`."""
    cursor.execute(
        f"""
        update ops.deliveries
        set
            status = %s, content_sha256 = %s, load_id = %s, run_id = coalesce(%s, run_id), attempts = attempts + 1,
            error = null, finished_at = {NOW}
        where delivery_id = %s and status = 'pending'
        """,
        (status, content_sha256, load_id, run_id, delivery_id),
    )


def fail_delivery(cursor: Cursor, delivery_id: int, run_id: int | None, error: str, *, final: bool) -> str:
    """Records a failed attempt of what is pending, the delivery or its replay.

    Returns the status, `failed` when final or tried often enough.
    """
    for table in ("ops.deliveries", "ops.replays"):
        cursor.execute(
            f"""
            update {table}
            set
                status = case when %s or attempts + 1 >= {MAX_ATTEMPTS} then 'failed' else 'pending' end,
                finished_at = case when %s or attempts + 1 >= {MAX_ATTEMPTS} then {NOW} end,
                error = %s, run_id = coalesce(%s, run_id), attempts = attempts + 1
            where delivery_id = %s and status = 'pending'
            """,
            (final, final, error, run_id, delivery_id),
        )
    return find_delivery(cursor, delivery_id).status
