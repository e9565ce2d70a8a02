"""What the steps tell of their work: to the log, to CloudWatch, and to people where a file was refused.

Logs and notices carry ids, counts and the loader's own words, never what stands in a file. A notice is part of a
step's answer, `{"notice": {"subject", "message"}}` where there is one: the state machine publishes it, for the
functions have no way out of the database's network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeAlias

from aws_lambda_powertools import Logger

from loaders import ledger, metrics, timeliness
from loaders.database import Cursor
from loaders.errors import without_excerpts
from loaders.ledger import Delivery
from loaders.load.rds import Outcome
from loaders.notices import Notice, refused, refused_drops
from loaders.runs import Totals

logger = Logger(service="loaders")

Told: TypeAlias = dict[str, Notice]


def facts(outcome: Outcome) -> dict[str, Any]:
    """What a log may hold of an outcome."""
    return asdict(outcome) | {"error": without_excerpts(outcome.error) if outcome.error else None}


def file_settled(step: str, outcome: Outcome, run_id: int | None, seconds: float) -> Told:
    """A file that a step took in hand, and how long that took."""
    logger.info(f"{step} ends", seconds=round(seconds, 3), run_id=run_id, **facts(outcome))
    metrics.count_file(outcome, run_id, seconds)
    if outcome.status != "failed":
        return {}
    error = outcome.error or ""
    return {
        "notice": refused(outcome.object_key, outcome.feed, error, outcome.delivery_id, run_id, outcome.load_id),
    }


def drops_registered(cursor: Cursor, registered: Sequence[int]) -> Told:
    """Drops that an event or a sweep brought; those that no contract knows, or whose metadata is wrong, are told of."""
    bad = ledger.refused_on_arrival(cursor, registered)
    for delivery in bad:
        logger.warning("drop refused", delivery_id=delivery.delivery_id, feed=delivery.feed, status=delivery.status)
        metrics.count_refused(delivery.feed, None, delivery.delivery_id)
    notice = refused_drops(bad)
    return {"notice": notice} if notice else {}


def swept(cursor: Cursor, registered: Sequence[int], feeds: Sequence[str]) -> None:
    """A sweep, which comes at a steady pace and so is when the ages of the feeds' deliveries are told."""
    logger.info("swept", registered=len(registered))
    metrics.tell_delivery_ages(timeliness.delivery_ages(cursor, feeds))


def file_failed(delivery: Delivery, run_id: int | None, error: str) -> Told:
    """A file that could not be landed: `error` is what may be told of the reason."""
    ids: dict[str, Any] = {"delivery_id": delivery.delivery_id, "feed": delivery.feed, "run_id": run_id}
    logger.error("load failed", error=error, status=delivery.status, **ids)
    if delivery.status != "failed":
        return {}
    metrics.count_refused(delivery.feed, run_id, delivery.delivery_id)
    file, feed = delivery.version.object_key, delivery.feed
    return {"notice": refused(file, feed, error, delivery.delivery_id, run_id, delivery.load_id)}


def built(cursor: Cursor, run_id: int | None) -> None:
    """A build that has just succeeded: none of its tests failed, and the marts have the run's files."""
    metrics.count_failed_tests(run_id, 0)
    if run_id is not None:
        metrics.tell_drop_to_mart(run_id, timeliness.drop_to_mart(cursor, run_id))


def run_closed(run_id: int, outcome: str, totals: Totals, seconds: float | None) -> None:
    """A run that ended, unless there is more for it to do."""
    logger.info("close run", run_id=run_id, outcome=outcome, seconds=seconds, **asdict(totals))
    if outcome != "more":
        metrics.count_run(run_id, totals, seconds, succeeded=True)


def run_failed(
    run_id: int | None, state: str, error: str, totals: Totals, seconds: float | None, failed_tests: str | None
) -> None:
    """A run that failed: `error` is what may be told of the reason, `failed_tests` what its build exported."""
    logger.error("run failed", run_id=run_id, state=state, error=error)
    metrics.count_run(run_id, totals, seconds, succeeded=False)
    is_counted = failed_tests is not None and failed_tests.isdigit()
    metrics.count_failed_tests(run_id, int(failed_tests or 0) if is_counted else None)
