"""What the pipeline wrote down: runs, deliveries and feeds, as values, from the tables of schema `ops`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pg8000.native

from xtage.database import code_of, reading

UNDEFINED_TABLE = "42P01"
UNDEFINED_SCHEMA = "3F000"

# The tables hold UTC without a zone; `at time zone 'utc'` gives it back to them.
RUNS = """
    select
        run_id, execution_arn, status, started_at at time zone 'utc', finished_at at time zone 'utc', error
    from ops.runs
    {where}
    order by run_id desc
    limit :count
"""
DELIVERIES = """
    select
        deliveries.delivery_id, deliveries.feed, deliveries.object_key, tried.status, deliveries.load_id,
        loads.route, loads.records_read, loads.records_loaded, loads.records_rejected, tried.error,
        deliveries.delivered_at at time zone 'utc', tried.finished_at at time zone 'utc'
    from (
        select delivery_id, status, error, run_id, finished_at from ops.deliveries
        union all
        select delivery_id, status, error, run_id, finished_at from ops.replays
    ) as tried
    inner join ops.deliveries as deliveries on tried.delivery_id = deliveries.delivery_id
    left join ops.loads as loads on deliveries.load_id = loads.load_id
    {where}
    order by deliveries.delivery_id, tried.finished_at
"""
# A failed file that was delivered again, soundly, under its key needs nobody any more.
OPEN = """
    where
        tried.status = :status
        and not exists (
            select 1
            from ops.deliveries as newer
            where
                newer.bucket = deliveries.bucket
                and newer.object_key = deliveries.object_key
                and newer.delivery_id > deliveries.delivery_id
                and newer.status in ('loaded', 'duplicate')
        )
"""
FEEDS = """
    select
        deliveries.feed, count(*) filter (where deliveries.status = 'loaded'),
        max(deliveries.delivered_at) at time zone 'utc',
        sum(loads.records_read) filter (where deliveries.status = 'loaded'),
        sum(loads.records_loaded) filter (where deliveries.status = 'loaded'),
        sum(loads.records_rejected) filter (where deliveries.status = 'loaded')
    from ops.deliveries as deliveries
    left join ops.loads as loads on deliveries.load_id = loads.load_id
    where deliveries.status in ('loaded', 'duplicate')
    group by deliveries.feed
"""


@dataclass(frozen=True)
class Run:
    """One run of the pipeline; `status` is running, succeeded, failed or abandoned."""

    run_id: int
    execution_arn: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class Delivery:
    """One object version and what became of it, or of its replay. Route and counts are its load's."""

    delivery_id: int
    feed: str | None
    object_key: str
    status: str
    load_id: int | None
    route: str | None
    records_read: int | None
    records_loaded: int | None
    records_rejected: int | None
    error: str | None
    delivered_at: datetime
    finished_at: datetime | None

    @property
    def reason(self) -> str:
        """The file and what is wrong with it; the loader's own messages begin with the file."""
        error = self.error or ""
        return error if error.startswith(self.object_key) else f"{self.object_key}: {error}".removesuffix(": ")


@dataclass(frozen=True)
class FeedTotals:
    """What has landed of one feed since the beginning."""

    feed: str
    loads: int
    last_delivered_at: datetime
    records_read: int
    records_loaded: int
    records_rejected: int


def latest_runs(count: int) -> list[Run]:
    """The newest runs first."""
    return [Run(*row) for row in _rows(RUNS.format(where=""), count=count)]


def running_run() -> Run | None:
    """The run that is under way, if there is one."""
    return next((Run(*row) for row in _rows(RUNS.format(where="where status = 'running'"), count=1)), None)


def runs_of(execution_arn: str) -> list[Run]:
    """The runs that an execution opened, newest first."""
    where = "where execution_arn = :execution_arn"
    return [Run(*row) for row in _rows(RUNS.format(where=where), count=10, execution_arn=execution_arn)]


def deliveries_of(run_id: int) -> list[Delivery]:
    """What a run took in hand, deliveries and replays, oldest first."""
    rows = _rows(DELIVERIES.format(where="where tried.run_id = :run_id"), run_id=run_id)
    return [Delivery(*row) for row in rows]


def deliveries_with(status: str) -> list[Delivery]:
    """The deliveries and replays of one status that no sound delivery followed under the same object key."""
    return [Delivery(*row) for row in _rows(DELIVERIES.format(where=OPEN), status=status)]


def feed_totals() -> dict[str, FeedTotals]:
    """By feed; a feed of which nothing has landed is not there."""
    totals = (FeedTotals(feed, loads, at, *(int(n or 0) for n in counts)) for feed, loads, at, *counts in _rows(FEEDS))
    return {feed.feed: feed for feed in totals}


def unified_rows() -> int | None:
    """How many rows the unified dataset has; None before its first build."""
    rows = _rows("select count(*) from marts.unified_sales")
    return int(rows[0][0]) if rows else None


def _rows(statement: str, **values: Any) -> list[list[Any]]:
    """The rows of a query; none when its table is not there yet."""
    with reading() as connection:
        try:
            return list(connection.run(statement, **values))
        except pg8000.native.DatabaseError as problem:
            if code_of(problem) in (UNDEFINED_TABLE, UNDEFINED_SCHEMA):
                return []
            raise
