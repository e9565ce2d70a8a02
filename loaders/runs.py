"""Runs of the pipeline and the lease: one run at a time, and no lost wake-up.

`ops.deliveries` is the queue, the one row of `ops.lease` says who drains it. Registering a delivery and opening a run,
and finding nothing pending and closing it, each lock that row: a delivery is either registered before the holder looks,
and then drained by it, or after the lease is free, and then whoever registered it opens a run.

Every function works inside its caller's transaction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

from loaders.database import Cursor
from loaders.errors import TerminalError
from loaders.tables import NOW

ROUND_FILES = 100
"""Deliveries of one round: a Map of Step Functions runs 40 at a time and keeps a state of at most 256 KB."""
MAX_ROUNDS = 10
"""Rounds after which a run hands over to its successor: an execution's history ends at 25,000 events."""
ROUND_LEASE = "interval '1 hour'"
"""A round of 100 files takes at most three times a Lambda's 15 minutes."""
BUILD_LEASE = "interval '9 hours'"
"""A build runs for up to 8 hours."""
ERROR_CHARACTERS = 4000
ABANDONED = "its execution ended without closing it, or its lease expired"

TO_DO = """(
    select delivery_id, load_id, status, run_id from ops.deliveries
    union all
    select delivery_id, load_id, status, run_id from ops.replays
) as to_do"""
"""Deliveries and their replays, each with the run that tried it last."""


@dataclass(frozen=True)
class Opened:
    """`opened` with the run's id, or `held` with the execution that holds the lease."""

    outcome: Literal["opened", "held"]
    run_id: int | None
    holder: str | None


@dataclass(frozen=True)
class Needed:
    """What is to be built; `more` while files are still to be loaded first."""

    build: Literal["more", "yes", "no"]
    redshift: Literal["yes", "no"]


@dataclass(frozen=True)
class Built:
    """Which databases a run's build has brought up to date."""

    rds: bool = False
    redshift: bool = False


@dataclass(frozen=True)
class Totals:
    """What the deliveries and replays that a run tried came to. A replay outside any run counts in none."""

    files: int
    files_loaded: int
    files_duplicate: int
    files_failed: int
    records_read: int
    records_loaded: int
    records_rejected: int


def open_run(cursor: Cursor, execution_arn: str, dead_holder: str | None = None) -> Opened:
    """Takes the lease for an execution when it is free, expired, held by `dead_holder` or by an execution of another
    state machine, and begins a run.

    Asked again by the execution that holds it, it answers with the same run. Runs left `running` become `abandoned`.
    """
    cursor.execute(
        f"select execution_arn, run_id, expires_at < {NOW} from ops.lease where lease_id = 1 for update",
    )
    holder, run_id, expired = cursor.fetchall()[0]
    if holder == execution_arn:
        _renew(cursor, int(run_id), ROUND_LEASE)
        return Opened("opened", int(run_id), holder)
    if holder is not None and not expired and holder != dead_holder and _machine(holder) == _machine(execution_arn):
        return Opened("held", None, str(holder))
    cursor.execute("select run_id from ops.runs where status = 'running'")
    for (left,) in cursor.fetchall():
        _end(cursor, left, "abandoned", ABANDONED, _totals(cursor, left))
    cursor.execute("insert into ops.runs (execution_arn) values (%s) returning run_id", (execution_arn,))
    new_run = int(cursor.fetchall()[0][0])
    cursor.execute(
        f"update ops.lease set execution_arn = %s, run_id = %s, expires_at = {NOW} + {ROUND_LEASE} where lease_id = 1",
        (execution_arn, new_run),
    )
    return Opened("opened", new_run, execution_arn)


def _machine(execution_arn: str) -> str:
    """The state machine of an execution. A database belongs to one stage: another one in its lease is what a snapshot
    was taken of, or what was destroyed in the middle of a run, and this stage's role may not ask about it."""
    return execution_arn.rpartition(":")[0]


def lock_lease(cursor: Cursor) -> None:
    """Holds the lease row until the transaction ends; deliveries are registered under it."""
    cursor.execute("select 1 from ops.lease where lease_id = 1 for update")
    if not cursor.fetchall():
        raise TerminalError("ops.lease is empty", remedy="apply the migrations: invoke the migrate function")


def next_round(cursor: Cursor, run_id: int) -> list[int]:
    """At most 100 deliveries, pending or to be replayed, that this run has not tried, oldest first; renews the lease.

    It only reads: asked again because its answer got lost, it gives the same. What a run has tried bears its `run_id`.
    """
    _renew(cursor, run_id, ROUND_LEASE)
    cursor.execute(
        f"select delivery_id from {TO_DO} where status = 'pending' and run_id is distinct from %s "
        f"order by delivery_id limit {ROUND_FILES}",
        (run_id,),
    )
    return [int(row[0]) for row in cursor.fetchall()]


def keep_lease(cursor: Cursor, run_id: int | None) -> None:
    """Extends a run's lease, if it holds it: the ways of a nested file are longer than a round is thought to be."""
    cursor.execute(
        f"update ops.lease set expires_at = {NOW} + {ROUND_LEASE} where lease_id = 1 and run_id = %s", (run_id,)
    )


def needs_build(
    cursor: Cursor, run_id: int, round_number: int, *, force: bool = False, with_redshift: bool = False
) -> Needed:
    """Whether dbt has something to do: anything landed after what the last successful build took in, or `force`.

    Of RDS and of Redshift, each by itself: what failed in one is made up for by the next run. `more` while deliveries
    are pending that the run has not tried and it has rounds left: one build then serves them all. With `yes` the build
    counts as started and the lease is renewed for the time it may take.
    """
    _renew(cursor, run_id, BUILD_LEASE)
    if round_number < MAX_ROUNDS and _is_pending(cursor, run_id):
        return Needed("more", "no")
    build = force or _is_behind(cursor, "built_through")
    redshift = with_redshift and (force or _is_behind(cursor, "redshift_built_through"))
    if build or redshift:
        cursor.execute(f"update ops.runs set build_started_at = {NOW} where run_id = %s", (run_id,))
    return Needed("yes" if build else "no", "yes" if redshift else "no")


def index_new_rows(cursor: Cursor, seconds: float) -> None:
    """Lets a build find the rows of new loads by the BRIN index of their raw table, and so without reading the others.

    Until then such an index knows nothing of appended rows, and they are looked for in everything that was appended
    since the last VACUUM, which may be a fifth of the table. Reads each new row once. Raises LoaderError when that
    takes longer than `seconds`, waiting for a VACUUM included; what was read until then stays indexed.
    """
    cursor.execute("select set_config('statement_timeout', %s, true)", (str(int(seconds * 1000)),))
    cursor.execute(
        "select brin_summarize_new_values(pg_class.oid) from pg_class "
        "join pg_am on pg_am.oid = pg_class.relam and pg_am.amname = 'brin' "
        "where pg_class.relnamespace = 'raw'::regnamespace and pg_class.relkind = 'i'"
    )


def _is_behind(cursor: Cursor, built_through: str) -> bool:
    cursor.execute(
        "select exists (select from ops.deliveries where load_id is not null and finished_at > "
        f"(select coalesce(max({built_through}), '-infinity') from ops.runs))"
    )
    return bool(cursor.fetchall()[0][0])


def close_run(
    cursor: Cursor, run_id: int, round_number: int, built: Built
) -> tuple[Literal["more", "successor", "closed"], Totals]:
    """Ends a run unless deliveries it has not tried are pending: then `more`, or after ten rounds `successor`.

    `successor` ends the run and frees the lease too: the execution that starts next takes it. Closing a closed run
    again changes nothing.
    """
    totals = _totals(cursor, run_id)
    cursor.execute("select status = 'succeeded' from ops.runs where run_id = %s", (run_id,))
    ended = any(row[0] for row in cursor.fetchall())
    if not ended:
        _renew(cursor, run_id, ROUND_LEASE)
        _record_build(cursor, run_id, built)
    pending = _is_pending(cursor, run_id)
    if pending and round_number < MAX_ROUNDS and not ended:
        return "more", totals
    _end(cursor, run_id, "succeeded", None, totals)
    return ("successor" if pending and round_number >= MAX_ROUNDS else "closed"), totals


def fail_run(cursor: Cursor, run_id: int | None, execution_arn: str, error: str, built: Built) -> Totals:
    """Ends a run as failed and frees its lease; when opening failed there is none, and one is written to show it.

    What was built before it failed stays built: Redshift's failure does not undo RDS.
    """
    lock_lease(cursor)
    if run_id is None:
        cursor.execute("insert into ops.runs (execution_arn) values (%s) returning run_id", (execution_arn,))
        run_id = int(cursor.fetchall()[0][0])
    totals = _totals(cursor, run_id)
    _record_build(cursor, run_id, built)
    _end(cursor, run_id, "failed", error[:ERROR_CHARACTERS], totals)
    return totals


def _record_build(cursor: Cursor, run_id: int, built: Built) -> None:
    for column, is_built in (("built_through", built.rds), ("redshift_built_through", built.redshift)):
        if is_built:
            cursor.execute(
                f"update ops.runs set {column} = build_started_at where run_id = %s and status = 'running'", (run_id,)
            )


def _is_pending(cursor: Cursor, run_id: int) -> bool:
    """Whether there is a delivery, or a replay, that this run still has to try."""
    cursor.execute(
        f"select exists (select from {TO_DO} where status = 'pending' and run_id is distinct from %s)", (run_id,)
    )
    return bool(cursor.fetchall()[0][0])


def _renew(cursor: Cursor, run_id: int, duration: str) -> None:
    """Locks and extends the lease. Raises TerminalError when the run no longer holds it."""
    cursor.execute(
        f"update ops.lease set expires_at = {NOW} + {duration} where lease_id = 1 and run_id = %s returning run_id",
        (run_id,),
    )
    if not cursor.fetchall():
        raise TerminalError(
            f"run {run_id} no longer holds the lease", remedy="nothing to do: a later run goes on with what was left"
        )


def _end(cursor: Cursor, run_id: int, status: str, error: str | None, totals: Totals) -> None:
    figures = asdict(totals)
    assignments = ", ".join(f"{name} = %s" for name in figures)
    cursor.execute(
        f"update ops.runs set status = %s, error = %s, finished_at = {NOW}, {assignments} "
        "where run_id = %s and status = 'running'",
        (status, error, *figures.values(), run_id),
    )
    cursor.execute(
        "update ops.lease set execution_arn = null, run_id = null, expires_at = null "
        "where lease_id = 1 and run_id = %s",
        (run_id,),
    )


def _totals(cursor: Cursor, run_id: int) -> Totals:
    cursor.execute(
        f"""
        select
            count(*),
            count(*) filter (where to_do.status = 'loaded'),
            count(*) filter (where to_do.status = 'duplicate'),
            count(*) filter (where to_do.status = 'failed'),
            coalesce(sum(loads.records_read), 0)::bigint,
            coalesce(sum(loads.records_loaded), 0)::bigint,
            coalesce(sum(loads.records_rejected), 0)::bigint
        from {TO_DO}
        left join ops.loads on to_do.load_id = loads.load_id and to_do.status = 'loaded'
        where to_do.run_id = %s
        """,
        (run_id,),
    )
    return Totals(*(int(figure) for figure in cursor.fetchall()[0]))
