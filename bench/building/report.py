"""What the measurements say: rows of a list for machines, a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TypedDict

from rich.console import Console
from rich.table import Table

from bench.building.runner import FULL, NEW, Result
from bench.statistics import speed_ratio, spread

HEADINGS = ("database s", "spread", "per million s", "of full", "process s", "peak MB", "target")
TABLE_WIDTH = 120
"""Where no terminal says how wide it is."""
TARGETS = {NEW: 0.05}
"""Of the full run's database time, at a million sales and more; other contenders have none."""
MILLION = 1_000_000


class Row(TypedDict):
    """One contender on one history.

    `median_s` is the database's time: how long sessions executed statements, over all of dbt's connections; `process_s`
    is dbt from its start to its end. `ratio` is how many times as fast as the full run. It and `yardstick` are null for
    the full run itself, `per_million_s` for all others.
    """

    case: str
    contender: str
    median_s: float
    ratio: float | None
    yardstick: str | None
    peak_mb: float
    spread: float
    process_s: float
    per_million_s: float | None
    target: float | None


def rows(results: Sequence[Result]) -> list[Row]:
    """Every contender of every history."""
    return [_row(result, name) for result in results for name in result.runs]


def _row(result: Result, name: str) -> Row:
    seconds = [run.database_seconds for run in result.runs[name]]
    full = [run.database_seconds for run in result.runs[FULL]]
    is_full = name == FULL
    target = TARGETS.get(name) if result.records >= MILLION else None
    return Row(
        case=f"{result.records} sales",
        contender=name,
        median_s=round(median(seconds), 3),
        ratio=None if is_full else round(speed_ratio(seconds, full), 2),
        yardstick=None if is_full else FULL,
        peak_mb=round(max(run.process.peak_mb for run in result.runs[name]), 1),
        spread=round(spread(seconds), 3),
        process_s=round(median(run.process.seconds for run in result.runs[name]), 3),
        per_million_s=round(median(seconds) * MILLION / result.records, 3) if is_full else None,
        target=None if target is None else round(1 / target, 2),
    )


def show(results: Sequence[Result]) -> None:
    """Prints the rows as one table, a block per history."""
    table = Table(title="Building: time of the database; of full: as a share of the full run's")
    table.add_column("history / run", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for result in results:
        table.add_section()
        table.add_row(f"[bold]{result.records:,} sales and transactions[/bold]")
        for row in rows([result]):
            table.add_row(*_cells(row))
    console = Console()
    (console if console.is_terminal else Console(width=TABLE_WIDTH)).print(table)


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"  {row['contender']}",
        f"{row['median_s']:.2f}",
        f"{row['spread']:.0%}",
        "" if row["per_million_s"] is None else f"{row['per_million_s']:.1f}",
        "" if row["ratio"] is None else f"{1 / row['ratio']:.1%}",
        f"{row['process_s']:.1f}",
        f"{row['peak_mb']:.0f}",
        _verdict(row),
    )


def _verdict(row: Row) -> str:
    if row["target"] is None or row["ratio"] is None:
        return ""
    met = row["ratio"] >= row["target"]
    return f"[{'green' if met else 'red'}]{1 / row['target']:.0%} {'met' if met else 'missed'}[/]"
