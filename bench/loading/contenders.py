"""Who is measured: for each the command that loads one file, and where its rows must be afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.dlt import environment as dlt_environment
from bench.loading import deliveries
from bench.loading.files import BenchFile
from bench.loading.records import COLUMNS
from bench.loading.server import FEED, LAMBDA_PYTHON, PSQL, Server
from bench.measure import Command

COPY_OPTIONS = "with (format csv, header)"
RAW_COLUMNS = ", ".join(name.lower() for name in COLUMNS)


@dataclass(frozen=True)
class Place:
    """Where a measurement happens: the servers, one of the databases, and a directory for what a contender needs."""

    server: Server
    database: str
    directory: Path


@dataclass(frozen=True)
class Contender:
    """One way to load a file. `table` is where its rows are counted, `prepare` runs before the clock starts."""

    command: Callable[[Place, BenchFile], Command]
    table: str = f"raw.{FEED}"
    prepare: Callable[[Place, BenchFile], None] = field(default=lambda place, file: None)


def copy_plain(place: Place, file: BenchFile) -> Command:
    r"""Yardstick A: `psql \copy` into a table of the thirteen columns, nothing else."""
    return _psql(place, f"\\copy bench.plain from '{file.path}' {COPY_OPTIONS}")


def copy_raw(place: Place, file: BenchFile) -> Command:
    r"""Yardstick B: `psql \copy` of the same bytes into the raw table, `_load_id` and `_row_number` by its defaults.

    Of the defaults that are right when several sessions load into one table, these are the cheapest: a setting is
    stable, and `nextval` is the one volatile function with which COPY still writes many rows at once.
    """
    return _psql(
        place,
        "create temporary sequence bench_row_numbers cache 1000",
        "set bench.load_id = 0",
        "do $$ begin perform set_config('bench.numbers', 'bench_row_numbers'::regclass::oid::text, false); end $$",
        f"\\copy raw.{FEED} ({RAW_COLUMNS}) from '{file.path}' {COPY_OPTIONS}",
    )


def xtage_from_disk(place: Place, file: BenchFile) -> Command:
    """The loader on a file of the disk: read, validate, COPY, ledger, rejects, commit."""
    return _in_lambda_environment(place, "load", deliveries.pending(place.server, place.database), str(file.path))


def xtage_from_s3(place: Place, file: BenchFile) -> Command:
    """The loader on an object of the embedded S3, connected by secret, as the Lambda does it."""
    return _in_lambda_environment(place, "load", deliveries.pending(place.server, place.database))


def awswrangler(place: Place, file: BenchFile) -> Command:
    """`awswrangler.postgresql.to_sql`, 3,000 rows a statement, into the plain table."""
    return _in_lambda_environment(place, "load_frame", str(file.path))


def dlt(place: Place, file: BenchFile) -> Command:
    """dlt with its defaults, in an environment and with a dataset of its own."""
    python = dlt_environment.python(place.directory)
    state = place.server.settings.home / "dlt"
    environment = _without_project(place.server.environment(place.database)) | {
        "DESTINATION__POSTGRES__CREDENTIALS": place.server.dsn(place.database),
        "DLT_DATA_DIR": str(state),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    return Command((str(python), str(dlt_environment.SCRIPT), str(file.path), str(state / "pipelines")), environment)


def _psql(place: Place, *commands: str) -> Command:
    words = [word for command in commands for word in ("-c", command)]
    options = ("-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", place.server.dsn(place.database))
    return Command((str(PSQL), *options, *words), place.server.environment(place.database))


def _in_lambda_environment(place: Place, program: str, *words: str) -> Command:
    arguments = (str(LAMBDA_PYTHON), "-m", f"bench.loading.children.{program}", *words)
    return Command(arguments, place.server.environment(place.database))


def _without_project(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name != "PYTHONPATH"}


A = Contender(copy_plain, "bench.plain")
B = Contender(copy_raw)
XTAGE = Contender(xtage_from_disk, prepare=lambda place, file: deliveries.register(place.server, file, place.database))
XTAGE_S3 = Contender(xtage_from_s3, prepare=lambda place, file: deliveries.drop(place.server, file, place.database))
AWSWRANGLER = Contender(awswrangler, "bench.plain")
DLT = Contender(dlt, "dlt_sales.bench_sales")
