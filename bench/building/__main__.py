"""`python -m bench.building`: measures what dbt takes and prints a table, or with `--format json` a list."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console

from bench.building.report import rows as report_rows
from bench.building.report import show
from bench.building.runner import QUICK, Plan, measure_history
from bench.building.warehouse import running
from bench.measure import BenchError
from localcloud.errors import LocalCloudError
from localcloud.settings import Settings


@click.command(context_settings={"max_content_width": 120, "show_default": True})
@click.option("--quick", is_flag=True, help="A small history, one round, under a minute: shows that it works.")
@click.option(
    "--records",
    multiple=True,
    type=click.IntRange(min=1_000),
    help="Sales of a history, and as many transactions; again for another. [default: 100000, 1000000 and 5000000]",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="How often each run is made. [default: 3, quick 1]",
)
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="What to print.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where files and servers live; the files stay for the next time. [default: bench in XTAGE_HOME]",
)
def main(quick: bool, records: tuple[int, ...], rounds: int | None, form: str, directory: Path | None) -> None:
    """Measures how long the database works for `dbt run`: everything built anew, and what is new built.

    Each history is 100 files of sales and 100 of transactions, with one file of each other feed.
    """
    plan = QUICK if quick else Plan()
    plan = replace(plan, records=records or plan.records, rounds=rounds or plan.rounds)
    progress = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    place = (directory or Settings.from_environment().home / "bench").absolute()
    try:
        with running(place) as server:
            results = [measure_history(server, size, plan, place / "building", progress.print) for size in plan.records]
    except (BenchError, LocalCloudError) as error:
        raise click.ClickException(str(error)) from None
    if form == "json":
        click.echo(json.dumps(report_rows(results), indent=1))
    else:
        show(results)


if __name__ == "__main__":
    main(prog_name="python -m bench.building")
