"""`python -m bench.loading`: measures the loader and prints a table, or with `--format json` a list."""

from __future__ import annotations

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import click
from rich.console import Console

from bench.loading.cases import QUICK, Case, Sizes, all_cases
from bench.loading.report import rows as report_rows
from bench.loading.report import show
from bench.loading.runner import Bench
from bench.loading.server import running
from bench.measure import BenchError
from localcloud.errors import LocalCloudError
from localcloud.settings import Settings

ROUNDS = 4
QUICK_ROUNDS = 1


@click.command(context_settings={"max_content_width": 120, "show_default": True})
@click.option(
    "--quick", is_flag=True, help="Small files, one round, under a minute: shows that it works, not how fast."
)
@click.option(
    "--rows",
    multiple=True,
    type=click.IntRange(min=1_000),
    help="Records per file; again for another size. [default: 1000000 and 5000000]",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help=f"How often each contender runs. [default: {ROUNDS}, quick {QUICK_ROUNDS}]",
)
@click.option("--case", "patterns", multiple=True, help="Only cases whose name begins so (* for anything); repeatable.")
@click.option("--filled-rows", type=click.IntRange(min=1_000), help="Rows of the filled table. [default: 20000000]")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", help="What to print.")
@click.option(
    "--directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where files and servers live; the files stay for the next time. [default: bench in XTAGE_HOME]",
)
def main(
    quick: bool,
    rows: tuple[int, ...],
    rounds: int | None,
    patterns: tuple[str, ...],
    filled_rows: int | None,
    form: str,
    directory: Path | None,
) -> None:
    """Measures the loader against COPY (A: a plain table, B: the raw table) and against what people use instead.

    Every contender is a process of its own, measured from its start to its end; the contenders of a case take turns.
    """
    sizes = _sizes(quick, rows, filled_rows)
    cases = _chosen(all_cases(sizes), patterns)
    progress = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    place = (directory or Settings.from_environment().home / "bench").absolute()
    try:
        with running(place) as server:
            bench = Bench(server, place, progress.print, warm_up=not quick)
            results = bench.run(cases, rounds or (QUICK_ROUNDS if quick else ROUNDS), sizes.filled_rows)
    except (BenchError, LocalCloudError) as error:
        raise click.ClickException(str(error)) from None
    if form == "json":
        click.echo(json.dumps(report_rows(results), indent=1))
    else:
        show(results)
    failed = [result.case.name for result in results if result.error]
    if failed:
        raise click.ClickException(f"no figures for {', '.join(failed)}: see above for the reasons")


def _sizes(quick: bool, rows: tuple[int, ...], filled_rows: int | None) -> Sizes:
    sizes = QUICK if quick else Sizes()
    return replace(sizes, rows=rows or sizes.rows, filled_rows=filled_rows or sizes.filled_rows)


def _chosen(cases: list[Case], patterns: tuple[str, ...]) -> list[Case]:
    """The cases that any pattern names. Raises UsageError when one names none."""
    for pattern in patterns:
        if not any(fnmatchcase(case.name, f"{pattern}*") for case in cases):
            names = "\n  ".join(case.name for case in cases)
            raise click.UsageError(f"--case {pattern} is none of:\n  {names}")
    return [case for case in cases if not patterns or any(fnmatchcase(case.name, f"{one}*") for one in patterns)]


if __name__ == "__main__":
    main(prog_name="python -m bench.loading")
