"""What is told about repeated measurements: the middle, how far they lie apart, and how they compare."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median


def spread(values: Sequence[float]) -> float:
    """From the smallest to the largest, as a share of the median: 0.2 means that they lie 20 % apart."""
    return (max(values) - min(values)) / median(values)


def speed_ratio(seconds: Sequence[float], yardstick: Sequence[float]) -> float:
    """How many times as fast as the yardstick: the median over the rounds of yardstick time / own time.

    Compared round by round, because two measurements of one round are minutes closer to each other than two medians:
    what slows the machine for a while slows both. Raises ValueError when the rounds are not the same.
    """
    return median(theirs / own for own, theirs in zip(seconds, yardstick, strict=True))
