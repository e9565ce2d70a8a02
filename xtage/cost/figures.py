"""The stage's own metrics: CloudWatch takes them by the month, for the hours in which each is told.

https://aws.amazon.com/cloudwatch/pricing/: charges for custom metrics are prorated by the hour.
"""

from __future__ import annotations

from loaders.contract import load_contracts
from loaders.metrics import OF_FILES, OF_RUNS, OF_SWEEPS
from xtage.cost.volume import HOURS, Usage


def metric_hours(usage: Usage) -> tuple[int, float]:
    """How many metrics the loaders tell of a stage and its feeds, and the hours of all of them in a month.

    At most: as if each file came in an hour of its own, and every figure of a file were told of each.
    """
    feeds = len(load_contracts())
    count = (len(OF_FILES) + len(OF_SWEEPS)) * (1 + feeds) + len(OF_RUNS)
    of_files = len(OF_FILES) * (_hours(usage.files) + feeds * _hours(usage.files / feeds))
    of_sweeps = len(OF_SWEEPS) * (1 + feeds) * _hours(usage.sweeps)
    return count, of_files + of_sweeps + len(OF_RUNS) * _hours(usage.runs)


def _hours(times: float) -> float:
    return min(times, HOURS)
