"""How late things are: since when a feed has brought nothing, and how long its files took from the drop to the marts.

Every function works inside its caller's transaction and answers in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable

from loaders.database import Cursor
from loaders.tables import NOW


def delivery_ages(cursor: Cursor, feeds: Iterable[str]) -> dict[str, float]:
    """By feed, the time since its newest delivery that landed; of one that never brought any, since the first run."""
    cursor.execute(
        f"""
        select asked.feed, extract(epoch from {NOW} - coalesce(
            max(deliveries.delivered_at), (select min(started_at) from ops.runs), {NOW}
        ))
        from unnest(cast(%s as text[])) as asked (feed)
        left join ops.deliveries on asked.feed = deliveries.feed and deliveries.load_id is not null
        group by asked.feed
        """,
        (list(feeds),),
    )
    return {feed: float(seconds) for feed, seconds in cursor.fetchall()}


def drop_to_mart(cursor: Cursor, run_id: int) -> dict[str, float]:
    """By feed, how long ago the oldest of those files was delivered that the build which has just ended took in.

    They are the run's own: what a replay landed anew was dropped long before.
    """
    cursor.execute(
        f"""
        select deliveries.feed, extract(epoch from {NOW} - min(deliveries.delivered_at))
        from ops.deliveries
        inner join ops.runs on deliveries.run_id = runs.run_id
        where
            runs.run_id = %s
            and deliveries.status = 'loaded'
            and deliveries.finished_at <= runs.build_started_at
            and deliveries.finished_at > coalesce(runs.built_through, '-infinity')
        group by deliveries.feed
        """,
        (run_id,),
    )
    return {feed: float(seconds) for feed, seconds in cursor.fetchall()}


def run_seconds(cursor: Cursor, run_id: int) -> float | None:
    """How long a run took, or has taken until now; null when there is no such run."""
    cursor.execute(
        f"select extract(epoch from coalesce(finished_at, {NOW}) - started_at) from ops.runs where run_id = %s",
        (run_id,),
    )
    rows = cursor.fetchall()
    return float(rows[0][0]) if rows else None
