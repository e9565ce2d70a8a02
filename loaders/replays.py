"""Replays in the ledger: a load whose delivery is landed again, under its id, in the place of what it landed.

Functions work in their caller's transaction.
"""

from __future__ import annotations

from loaders.contract import Contract
from loaders.database import Cursor
from loaders.ledger import Delivery, Landed
from loaders.runs import lock_lease
from loaders.tables import NOW, quoted, raw_tables


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


def remove_landed(cursor: Cursor, load_id: int, contract: Contract) -> None:
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


def record_load_again(cursor: Cursor, load_id: int, contract: Contract, landed: Landed) -> bool:
    """Renews what a load counted, with which contract and when it landed; false when the load is of another content."""
    cursor.execute(
        f"""
        update ops.loads
        set contract_version = %s, records_read = %s, records_loaded = %s, records_rejected = %s, blank_lines = %s,
            route = %s, loaded_at = {NOW}
        where load_id = %s and feed = %s and content_sha256 = %s
        returning load_id
        """,
        (
            contract.version,
            landed.counts.records_read,
            landed.counts.records_loaded,
            landed.counts.records_rejected,
            landed.counts.blank_lines,
            landed.route,
            load_id,
            contract.feed,
            landed.content_sha256,
        ),
    )
    return bool(cursor.fetchall())


def finish_replay(cursor: Cursor, delivery_id: int, run_id: int | None) -> None:
    """Says that a delivery has landed again.

    Under the lease's lock, as a build begins: either that sees it, or the next run builds again.
    """
    lock_lease(cursor)
    cursor.execute(f"update ops.deliveries set finished_at = {NOW} where delivery_id = %s", (delivery_id,))
    cursor.execute(
        f"""
        update ops.replays
        set
            status = 'loaded', run_id = coalesce(%s, run_id), attempts = attempts + 1, error = null,
            finished_at = {NOW}
        where delivery_id = %s
        """,
        (run_id, delivery_id),
    )
