"""`python -m bench.glue`: measures json_to_tabular and the split before it; a table, or with `--format json` a list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from bench.measure import BenchError, Command, Measurement, in_turn, measure
from bench.statistics import speed_ratio, spread
from localcloud.settings import PROJECT, Settings
from samples import make_samples

ROUNDS = 3
QUICK_RECORDS = 5_000
CHILDREN = Path(__file__).with_name("children")
JOB = PROJECT / "glue" / "jobs" / "json_to_tabular.py"
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONPATH": str(PROJECT),
    "RUST_LOG": "error",
    "PYTHONWARNINGS": "ignore",
}


@dataclass(frozen=True)
class Contender:
    """One process to measure; `yardstick` names the contender it is compared with."""

    name: str
    python: Path
    arguments: tuple[str, ...]
    yardstick: str | None = None


@dataclass(frozen=True)
class Result:
    """One contender's measurements for one size."""

    records: int
    contender: Contender
    measurements: Sequence[Measurement]
    ratio: float | None

    @property
    def _peak_mb(self) -> int:
        return round(max(one.peak_mb for one in self.measurements))

    @property
    def row(self) -> dict[str, Any]:
        """The figures, for machines."""
        seconds = [one.seconds for one in self.measurements]
        return {
            "case": f"{self.records:,} orders",
            "contender": self.contender.name,
            "median_s": round(median(seconds), 2),
            "records_per_s": round(self.records / median(seconds)),
            "ratio": None if self.ratio is None else round(self.ratio, 2),
            "yardstick": self.contender.yardstick,
            # Spark's work is done by Java, in a process of its own.
            "peak_mb": None if self.contender.name.startswith("spark") else self._peak_mb,
            "spread": round(spread(seconds), 2),
        }


@click.command(context_settings={"max_content_width": 120, "show_default": True})
@click.option("--quick", is_flag=True, help="5,000 records, one round: shows that it works, not how fast.")
@click.option("--records", multiple=True, type=click.IntRange(min=1000), help="[default: 200000 and 2000000]")
@click.option(
    "--rounds", type=click.IntRange(min=1), help=f"How often each contender runs. [default: {ROUNDS}, quick 1]"
)
@click.option("--engine", "engines", multiple=True, type=click.Choice(["sail", "spark"]), help="[default: both]")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="What to print.")
def main(quick: bool, records: tuple[int, ...], rounds: int | None, engines: tuple[str, ...], form: str) -> None:
    """Measures the split of nested orders and their flattening, whole processes, engines started anew each time.

    The yardstick of an engine is that engine reading the same parts and writing them as they are.
    """
    sizes = records or ((QUICK_RECORDS,) if quick else (200_000, 2_000_000))
    progress = Console(stderr=True, highlight=False)
    place = Settings.from_environment().home / "bench" / "glue"
    try:
        results = [
            result
            for size in sizes
            for result in run(place / str(size), size, rounds or (1 if quick else ROUNDS), engines, progress)
        ]
    except BenchError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps([result.row for result in results], indent=1)) if form == "json" else show(results)


def run(place: Path, size: int, rounds: int, engines: Sequence[str], progress: Console) -> list[Result]:
    """Measures one size; the files it needs stay in `place`, what the contenders write is removed."""
    file = place / "orders.json"
    if not file.exists():
        make_samples(place, records={"orders": size, "sales": 1, "transactions": 1, "exchange_rates": 1})
    location = place / "work"
    chosen = contenders(file, location, engines or ("sail", "spark"))
    measured: dict[str, list[Measurement]] = {contender.name: [] for contender in chosen}
    try:
        for number in range(rounds):
            # The split first: the others read what it writes.
            for contender in [chosen[0], *in_turn(chosen[1:], number)]:
                measured[contender.name].append(
                    measure(Command((str(contender.python), *contender.arguments), ENVIRONMENT))
                )
                progress.print(f"{size:,}: {contender.name} {measured[contender.name][-1].seconds:.1f} s")
                require_rows(contender, location, size)
    finally:
        shutil.rmtree(location, ignore_errors=True)
    return [Result(size, one, measured[one.name], ratio(one, measured)) for one in chosen]


def contenders(file: Path, location: Path, engines: Sequence[str]) -> list[Contender]:
    """The split, then on each engine the bare reading and writing and the job."""
    lambda_python = PROJECT / ".venv-lambda" / "bin" / "python"
    found = [Contender("split", lambda_python, (str(CHILDREN / "split.py"), str(file), str(location)))]
    for engine in engines:
        python = PROJECT / f".venv-{'glue' if engine == 'sail' else 'spark'}" / "bin" / "python"
        start = (str(CHILDREN / "engine.py"), engine)
        where = ("--location", str(location))
        found.append(Contender(f"{engine}, bare", python, (*start, str(CHILDREN / "bare.py"), *where)))
        found.append(Contender(f"{engine}, job", python, (*start, str(JOB), *where), f"{engine}, bare"))
    return found


def ratio(contender: Contender, measured: dict[str, list[Measurement]]) -> float | None:
    """How many times as fast as its yardstick, if it has one."""
    if contender.yardstick is None:
        return None
    own, theirs = measured[contender.name], measured[contender.yardstick]
    return speed_ratio([one.seconds for one in own], [one.seconds for one in theirs])


def require_rows(contender: Contender, location: Path, size: int) -> None:
    """Raises BenchError where a contender did not write every record."""
    directory = {"job": "tables/orders", "bare": "bare"}.get(contender.name.rpartition(" ")[2])
    if directory:
        rows = sum(pq.ParquetFile(file).metadata.num_rows for file in (location / directory).glob("*.parquet"))
        if rows != size:
            raise BenchError(f"{contender.name} wrote {rows:,} of {size:,} records")


def show(results: Sequence[Result]) -> None:
    """Prints the figures for people."""
    table = Table(title="Nested orders: whole processes; ratio: how many times as fast as the yardstick")
    for heading in results[0].row:
        table.add_column(heading)
    for result in results:
        table.add_row(
            *(
                "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
                for value in result.row.values()
            )
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main(prog_name="python -m bench.glue")
