"""`python -m bench.serving`: how long requests take, beside the same SQL through psycopg."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import TypedDict

import click
from rich.console import Console
from rich.table import Table

from bench.measure import BenchError
from bench.serving.cases import CASES, Case
from bench.serving.cloud import Cloud, running
from bench.statistics import spread
from localcloud.errors import LocalCloudError
from localcloud.settings import PROJECT, Settings

LAMBDA_PYTHON = PROJECT / ".venv-lambda" / "bin" / "python"
YARDSTICK = "psycopg"
CONTENDERS = (YARDSTICK, "handler")
TARGET_RATIO, TARGET_ADDED_S = 2, 0.010
CLIENTS = (1, 16)


class Row(TypedDict):
    """One contender of one case. `p95_s` is the median of the rounds' p95, `ratio` its share of psycopg's, `allowed_s`
    what the target allows the handler: twice psycopg's time and ten milliseconds."""

    case: str
    contender: str
    median_s: float
    p95_s: float
    spread: float
    ratio: float | None
    yardstick: str | None
    allowed_s: float | None


@click.command(context_settings={"max_content_width": 120, "show_default": True})
@click.option("--quick", is_flag=True, help="20,000 rows, one round, few requests: shows that it works, not how fast.")
@click.option("--rows", type=click.IntRange(min=1000), help="Unified rows. [default: 5000000, quick 20000]")
@click.option("--rounds", type=click.IntRange(min=1), help="Rounds of each contender. [default: 3, quick 1]")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
def main(quick: bool, rows: int | None, rounds: int | None, form: str) -> None:
    """Measure the API's handler, called directly, in processes of the Lambdas' environment.

    Each client is a process with a connection of its own, as each environment of a Lambda is. Requests of a kind differ
    from one another. The contenders take turns; the time to start and to connect does not count.
    """
    size, turns, requests = (
        rows or (20_000 if quick else 5_000_000),
        rounds or (1 if quick else 3),
        50 if quick else 300,
    )
    home = Settings.from_environment().home / "bench"
    try:
        with running(home, size) as cloud:
            found = [
                row
                for case in CASES
                for clients in CLIENTS
                for row in measure(cloud, case, clients, size, turns, requests)
            ]
    except (BenchError, LocalCloudError) as problem:
        raise click.ClickException(str(problem)) from problem
    if form == "json":
        click.echo(json.dumps(found, indent=2))
    else:
        show(found)


def measure(cloud: Cloud, case: Case, clients: int, size: int, rounds: int, requests: int) -> list[Row]:
    """Both contenders, in turns, with so many clients at once and so many requests of each round in all."""
    # Fewer of each when there are many: in all they are more.
    events = case.events(requests if clients == 1 else requests // 3, size)
    files = _files(cloud, case, events)
    seconds: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for turn in range(rounds):
        for name in CONTENDERS if turn % 2 else reversed(CONTENDERS):
            seconds[name].append(_round(_command(cloud, name, files), cloud, clients))
    p95 = {name: [quantiles(one, n=20)[-1] for one in found] for name, found in seconds.items()}
    yardstick = median(p95[YARDSTICK])
    return [
        {
            "case": f"{case.name}, {clients} client{'s' if clients > 1 else ''}",
            "contender": name,
            "median_s": median(second for one in seconds[name] for second in one),
            "p95_s": median(p95[name]),
            "spread": spread(p95[name]),
            "ratio": None if name == YARDSTICK else median(p95[name]) / yardstick,
            "yardstick": None if name == YARDSTICK else YARDSTICK,
            "allowed_s": None if name == YARDSTICK else TARGET_RATIO * yardstick + TARGET_ADDED_S,
        }
        for name in CONTENDERS
    ]


def _files(cloud: Cloud, case: Case, events: Sequence[object]) -> dict[str, Path]:
    """The events, and the statements that the handler sends for them."""
    home = cloud.settings.home
    files = {name: home / f"{name} {case.name}.json" for name in CONTENDERS}
    files["handler"].write_text(json.dumps(events))
    environment = cloud.function_environment() | {"RECORD": "1"}
    command = [*_python("handler"), str(files["handler"])]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchError(f"the handler failed: {done.stderr[-1000:]}")
    files[YARDSTICK].write_text(done.stdout)
    return files


def _python(contender: str) -> list[str]:
    module = {"handler": "handler", YARDSTICK: "psycopg_client"}[contender]
    python = LAMBDA_PYTHON if contender == "handler" else Path(sys.executable)
    return [str(python), "-m", f"bench.serving.children.{module}"]


def _command(cloud: Cloud, contender: str, files: dict[str, Path]) -> list[str]:
    connection = [cloud.dsn] if contender == YARDSTICK else []
    return [*_python(contender), str(files[contender]), *connection]


def _round(command: Sequence[str], cloud: Cloud, clients: int) -> list[float]:
    """The seconds of every request of clients that begin together."""
    environment = cloud.function_environment()
    processes = [
        subprocess.Popen(
            command,
            env=environment,
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(clients)
    ]
    for process in processes:
        assert process.stdout
        if process.stdout.readline() != "ready\n":
            raise BenchError(f"{command[2]} did not start: {process.communicate()[1][-1000:]}")
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [second for process in processes for second in json.loads(process.communicate()[0])]


def show(found: Sequence[Row]) -> None:
    """A table for people."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("case", "contender", "median ms", "p95 ms", "spread", "ratio", "allowed ms"):
        table.add_column(column, justify="left" if column in ("case", "contender") else "right", no_wrap=True)
    for row in found:
        ratio, allowed = row["ratio"], row["allowed_s"]
        table.add_row(
            row["case"],
            row["contender"],
            f"{row['median_s'] * 1000:.1f}",
            f"{row['p95_s'] * 1000:.1f}",
            f"{row['spread']:.0%}",
            f"{ratio:.2f}" if ratio is not None else "",
            f"{allowed * 1000:.1f}" if allowed is not None else "",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    main()
