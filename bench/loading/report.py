"""What the measurements say: rows of a list for machines, a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from bench.loading.cases import Comparison
from bench.loading.runner import Result
from bench.measure import Measurement
from bench.statistics import speed_ratio, spread

HEADINGS = ("median s", "spread", "start s", "CPU s", "peak MB", "over start", "ratio", "yardstick", "target")
TABLE_WIDTH = 120
"""Where no terminal says how wide it is."""
MEMORY_TARGET_MB = 100
"""What the loader may take above its imports, for any file."""


class Row(TypedDict):
    """One contender of one case beside one of its yardsticks.

    `ratio` is how many times as fast as the yardstick; it and `yardstick` are null for a contender without one.
    `start_s` and `above_start_mb` come from contenders that report when they had imported everything: seconds up to
    then, and the peak above what the process had then; null for the others.
    """

    case: str
    contender: str
    median_s: float
    ratio: float | None
    yardstick: str | None
    peak_mb: float
    spread: float
    cpu_s: float
    start_s: float | None
    above_start_mb: float | None
    target: float | None


def rows(results: Sequence[Result]) -> list[Row]:
    """Every contender of every case, once per yardstick it is compared with, once without when there is none."""
    listed = []
    for result in results:
        for name in result.measurements:
            compared = [one for one in result.case.comparisons if one.name == name]
            listed += [_row(result, name, one) for one in compared] or [_row(result, name, None)]
    return listed


def _row(result: Result, name: str, comparison: Comparison | None) -> Row:
    measured = result.measurements[name]
    seconds = [one.seconds for one in measured]
    starts = [one.start.seconds for one in measured if one.start]
    ratio = None
    if comparison:
        ratio = speed_ratio(seconds, [one.seconds for one in result.measurements[comparison.yardstick]])
    return Row(
        case=result.case.name,
        contender=name,
        median_s=round(median(seconds), 3),
        ratio=None if ratio is None else round(ratio, 3),
        yardstick=comparison.yardstick if comparison else None,
        peak_mb=round(max(one.peak_mb for one in measured), 1),
        spread=round(spread(seconds), 3),
        cpu_s=round(median(one.cpu_seconds for one in measured), 3),
        start_s=round(median(starts), 3) if starts else None,
        above_start_mb=_above_start(measured),
        target=comparison.target if comparison else None,
    )


def _above_start(measured: Sequence[Measurement]) -> float | None:
    values = [one.peak_mb - one.start.mb for one in measured if one.start]
    return round(max(values), 1) if values else None


def show(results: Sequence[Result]) -> None:
    """Prints the rows as one table, a block per case."""
    table = Table(title="Loading: whole processes; ratio: how many times as fast as the yardstick")
    table.add_column("case / contender", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        table.add_section()
        table.add_row(f"[bold]{result.case.name}[/bold]", "[red]failed[/red]" if result.error else "")
        shown = ""
        for row in rows([result]):
            table.add_row(*_cells(row, again=row["contender"] == shown))
            shown = row["contender"]
    console = Console()
    (console if console.is_terminal else Console(width=TABLE_WIDTH)).print(table)


def _cells(row: Row, again: bool) -> tuple[str, ...]:
    """A contender's second yardstick repeats none of its figures."""
    compared = (_number(row["ratio"], 2), row["yardstick"] or "", _verdict(row))
    if again:
        return ("", "", "", "", "", "", "", *compared)
    return (
        f"  {row['contender']}",
        f"{row['median_s']:.2f}",
        f"{row['spread']:.0%}",
        _number(row["start_s"], 2),
        f"{row['cpu_s']:.2f}",
        f"{row['peak_mb']:.0f}",
        _memory(row["above_start_mb"]),
        *compared,
    )


def _memory(megabytes: float | None) -> str:
    if megabytes is None:
        return ""
    return f"[{'green' if megabytes <= MEMORY_TARGET_MB else 'red'}]{megabytes:.0f}[/]"


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _verdict(row: Row) -> str:
    if row["target"] is None or row["ratio"] is None:
        return ""
    met = row["ratio"] >= row["target"]
    return f"[{'green' if met else 'red'}]{row['target']:.2f} {'met' if met else 'missed'}[/]"
