"""Runs the builds of one history in turn, on a database that grows as it would in life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.building import history, warehouse
from bench.building.history import History
from bench.building.warehouse import Database, Run
from bench.measure import BenchError

FULL, NEW = "full", "1 % new"
SHARE = 100
"""New and corrected records are one in so many of the history."""


@dataclass(frozen=True)
class Result:
    """What was measured on a history of `records` sales and as many transactions: the runs by contender."""

    records: int
    runs: dict[str, list[Run]] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """How large the histories are, how many records the step is that is the same for all, and how often all is run.

    A quick plan leaves out what needs several histories or rounds to say something.
    """

    records: tuple[int, ...] = (100_000, 1_000_000, 5_000_000)
    step: int = 10_000
    rounds: int = 3
    is_quick: bool = False


QUICK = Plan(records=(2_000,), step=20, rounds=1, is_quick=True)


def measure_history(server: Database, records: int, plan: Plan, files: Path, say: Callable[[str], None]) -> Result:
    """Measures each contender once a round, after one build that is not counted.

    The contenders are `full` (a full refresh), `1 % new`, `1 % corrected` (keys from all of the history), `<step> new`
    and `nothing new`. Raises BenchError when a run leaves records unbuilt.
    """
    say(f"landing {records:,} sales and {records:,} transactions")
    spare = plan.rounds * (records // SHARE + plan.step)
    landed = history.make(warehouse.create(server, f"building_{records}"), records, spare, files)
    landed.database.dbt("run")
    result = Result(records)
    for number in range(plan.rounds):
        _measure(result, FULL, landed, say, "--full-refresh")
        landed.land_new(records // SHARE)
        _measure(result, NEW, landed, say)
        landed.land_corrected(SHARE, number)
        _measure(result, "1 % corrected", landed, say)
        if not plan.is_quick:
            landed.land_new(plan.step)
            _measure(result, f"{plan.step:,} new", landed, say)
            _measure(result, "nothing new", landed, say)
    server.execute(f'drop database "{landed.database.name}"')
    return result


def _measure(result: Result, name: str, landed: History, say: Callable[[str], None], *arguments: str) -> None:
    landed.database.index_new_rows()
    landed.database.execute("checkpoint")
    run = landed.database.dbt("run", *arguments)
    built = landed.database.execute("select count(*) from marts.unified_sales")
    if built != landed.landed:
        raise BenchError(f"{name}: unified_sales has {built:,} rows, and {landed.landed:,} transaction ids have landed")
    result.runs.setdefault(name, []).append(run)
    say(f"{result.records:,} sales, {name}: database {run.database_seconds:.1f} s, process {run.process.seconds:.1f} s")
