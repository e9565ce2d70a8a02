"""Figures of files, runs and feeds for CloudWatch, each a line of the log in the embedded metric format.

CloudWatch makes metrics of such lines by itself: no call, no permission, no way out of the database's network. The
ledger is exact; these figures are for watching, and a step that is repeated after it has done its work counts again.

Environment: STAGE, a dimension of every figure; where it is not set, nothing is counted.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from loaders.load.rds import Outcome
    from loaders.runs import Totals

NAMESPACE = "xtage"
SETTLED = {"loaded": "FilesLanded", "duplicate": "FilesDuplicate", "failed": "FilesRefused"}

# Told of the stage, and of each feed in it.
OF_FILES = {
    "FilesLanded": "Count",
    "FilesDuplicate": "Count",
    "FilesRefused": "Count",
    "RecordsRead": "Count",
    "RecordsLanded": "Count",
    "RecordsRejected": "Count",
    "RejectRate": "Percent",
    "BytesLanded": "Bytes",
    "LoadDuration": "Seconds",
    "DropToMart": "Seconds",
}
OF_SWEEPS = {"DeliveryAge": "Seconds"}
# Told of the stage.
OF_RUNS = {
    "RunsSucceeded": "Count",
    "RunsFailed": "Count",
    "RunDuration": "Seconds",
    "FailedTests": "Count",
}
UNITS = {**OF_FILES, **OF_SWEEPS, **OF_RUNS}
"""Every figure there is, with its unit; no other can be told, and `xtage cost` counts these."""

Figures: TypeAlias = Mapping[str, float | None]


def count_file(outcome: Outcome, run_id: int | None, seconds: float) -> None:
    """A file that was taken in hand, and the seconds that took; one that is still pending counts for nothing."""
    if outcome.status not in SETTLED:
        return
    figures: Figures = {SETTLED[outcome.status]: 1, "LoadDuration": seconds}
    if outcome.status == "loaded":
        figures = {**figures, **_landed(outcome)}
    _emit(figures, outcome.feed, run_id=run_id, load_id=outcome.load_id, delivery_id=outcome.delivery_id)


def count_refused(feed: str | None, run_id: int | None, delivery_id: int) -> None:
    """A file that was refused before it was read, or could not be landed; of no feed when no contract claims it."""
    _emit({"FilesRefused": 1}, feed, run_id=run_id, delivery_id=delivery_id)


def count_run(run_id: int | None, totals: Totals, seconds: float | None, *, succeeded: bool) -> None:
    """A run that ended, and the seconds it took; null for one that could not even be opened."""
    ended = "RunsSucceeded" if succeeded else "RunsFailed"
    _emit({ended: 1, "RunDuration": seconds}, run_id=run_id, files=totals.files)


def count_failed_tests(run_id: int | None, failed: int | None) -> None:
    """The data tests that failed in a build; null when there was none, or it ended before it ran any."""
    _emit({"FailedTests": failed}, run_id=run_id)


def tell_drop_to_mart(run_id: int, seconds: Mapping[str, float]) -> None:
    """By feed, the seconds from the drop to the marts of the file that waited longest for this build."""
    for feed, waited in seconds.items():
        _emit({"DropToMart": waited}, feed, run_id=run_id)


def tell_delivery_ages(seconds: Mapping[str, float]) -> None:
    """By feed, the seconds since its newest delivery that landed."""
    for feed, age in seconds.items():
        _emit({"DeliveryAge": age}, feed)


def _landed(outcome: Outcome) -> dict[str, float]:
    read, rejected = outcome.records_read or 0, outcome.records_rejected or 0
    return {
        "BytesLanded": outcome.bytes,
        "RecordsRead": read,
        "RecordsLanded": outcome.records_loaded or 0,
        "RecordsRejected": rejected,
        "RejectRate": 100 * rejected / read if read else 0,
    }


def _emit(figures: Figures, feed: str | None = None, **ids: int | None) -> None:
    """Prints them for the stage and, where there is one, for the feed in it too; the ids are for readers of the log."""
    stage = os.environ.get("STAGE")
    known = {name: value for name, value in figures.items() if value is not None}
    if not stage or not known:
        return
    # Imported here: the operator's command, which counts the figures, has no Powertools.
    from aws_lambda_powertools.metrics import EphemeralMetrics

    metrics = EphemeralMetrics(namespace=NAMESPACE)
    for name, value in known.items():
        metrics.add_metric(name, UNITS[name], value)
    metrics.add_dimension("stage", stage)
    if feed is not None:
        metrics.add_dimension("feed", feed)
        metrics.add_dimensions(stage=stage)
    for name, number in ids.items():
        metrics.add_metadata(name, number)
    metrics.flush_metrics()
