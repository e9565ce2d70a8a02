"""Replays in the ledger: a load whose delivery is landed again, under its id, in the place of what it landed.

Each is a row of `ops.replays`: one that a run does bears the run's id and counts in its totals, one that is done at
once bears none. Functions work in their caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from loaders.contract import Contract
from loaders.database import Cursor
from loaders.errors import TerminalError
from loaders.ledger import Delivery, Landed, find_load, record_load
from loaders.runs import lock_lease
from loaders.tables import NOW, quoted, raw_tables

CopyUnder: TypeAlias = Callable[[Cursor, int], Landed]
"""Copies a file's records and rejects under the id of a load; says what it landed."""


def request_replay(cursor: Cursor, delivery: Delivery) -> None:
    """Leaves it to a run to land a delivery again. Asked while it is pending, or under way, it begins anew.

    Under the lease's lock, as a delivery is registered: no run that could take it ends without seeing it.
    """
    lock_lease(cursor)
    cursor.execute(
        f"""
        insert into ops.replays (delivery_id, load_id) values (%s, %s)
        on conflict (delivery_id)
        do update set
            status = 'pending', attempts = 0, error = null, run_id = null, requested_at = {NOW}, finished_at = null
        """,
        (delivery.delivery_id, delivery.load_id),
    )


def land_again(
    cursor: Cursor, delivery: Delivery, load_id: int, contract: Contract, run_id: int | None, copy: CopyUnder
) -> None:
    """Lands what `copy` lands under the load's id, in the place of what the load landed.

    Raises TerminalError where that is of another content. A replay that was asked for meanwhile is still to be done.
    """
    _remove_landed(cursor, load_id, contract)
    landed = copy(cursor, load_id)
    if find_load(cursor, contract.feed, landed.content_sha256) != load_id:
        raise TerminalError(
            f"version {delivery.version.version_id} does not hold what load {load_id} landed",
            remedy="find out who changed the bucket; the tables are as they were",
        )
    record_load(cursor, load_id, contract, landed)
    _finish(cursor, delivery, run_id)


def _remove_landed(cursor: Cursor, load_id: int, contract: Contract) -> None:
    """Deletes the rows and rejects of a load, also from the tables of arrays that its contract had when it landed."""
    cursor.execute(
        "select table_name from ops.load_arrays where load_id = %s and to_regclass('raw.' || quote_ident(table_name)) "
        "is not null",
        (load_id,),
    )
    tables = {f'"raw".{quoted(name)}' for (name,) in cursor.fetchall()}
    for table in sorted(tables | {table.qualified for table in raw_tables(contract)}):
        cursor.execute(f"delete from {table} where _load_id = %s", (load_id,))
    for table in ("ops.load_arrays", "ops.rejects"):
        cursor.execute(f"delete from {table} where load_id = %s", (load_id,))


def _finish(cursor: Cursor, delivery: Delivery, run_id: int | None) -> None:
    # Under the lease's lock, as a build begins: either that sees this replay, or the next run builds again.
    lock_lease(cursor)
    cursor.execute(f"update ops.deliveries set finished_at = {NOW} where delivery_id = %s", (delivery.delivery_id,))
    if delivery.status != "pending":
        _record_at_once(cursor, delivery)
        return
    cursor.execute(
        f"""
        update ops.replays
        set
            status = 'loaded', run_id = coalesce(%s, run_id), attempts = attempts + 1, error = null,
            finished_at = {NOW}
        where delivery_id = %s and requested_at = %s
        """,
        (run_id, delivery.delivery_id, delivery.replay_requested_at),
    )


def _record_at_once(cursor: Cursor, delivery: Delivery) -> None:
    """Writes down a replay that no run was asked for; one that was asked for meanwhile is still to be done."""
    cursor.execute(
        f"""
        insert into ops.replays (delivery_id, load_id, status, attempts, finished_at)
        values (%s, %s, 'loaded', 1, {NOW})
        on conflict (delivery_id)
        do update set
            status = 'loaded', attempts = 1, error = null, run_id = null, requested_at = excluded.requested_at,
            finished_at = excluded.finished_at
        where replays.status <> 'pending'
        """,
        (delivery.delivery_id, delivery.load_id),
    )
