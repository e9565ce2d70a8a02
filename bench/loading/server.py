"""The benchmark's own PostgreSQL and AWS: embedded, on free ports, in a directory that goes when they stop."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.dbapi

from bench.loading.records import COLUMNS
from localcloud.aws import Aws
from localcloud.ports import HOST, free_port
from localcloud.postgres import BINARIES, DATABASE, USER, Postgres
from localcloud.settings import PROJECT, Settings

FEED = "bench_sales"
FILLED = "filled"
"""The database whose raw table holds many rows before anything is loaded; the other one, `DATABASE`, starts empty."""
BUCKET = "xtage-bench"
SECRET = "xtage-bench-database"
CONTRACTS = PROJECT / "bench" / "contracts"
LAMBDA_PYTHON = PROJECT / ".venv-lambda" / "bin" / "python"
PSQL = BINARIES / "psql"

LEDGER_TABLES = "ops.deliveries, ops.loads, ops.rejects, ops.runs"


@dataclass(frozen=True)
class Server:
    """A running PostgreSQL with the tables that the loader's migration makes from the benchmark's contract."""

    settings: Settings
    aws: Aws

    def dsn(self, database: str = DATABASE) -> str:
        """The connection string of one of the databases."""
        password, port = self.settings.postgres_password, self.settings.postgres_port
        return f"postgresql://{USER}:{password}@{HOST}:{port}/{database}"

    def execute(self, *statements: str, database: str = DATABASE) -> Any:
        """Runs statements, each in a transaction of its own; the first value of the last one, if it has rows."""
        port, password = self.settings.postgres_port, self.settings.postgres_password
        with closing(pg8000.dbapi.connect(USER, HOST, database, port, password)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchone()[0] if cursor.description else None

    def environment(self, database: str = DATABASE) -> dict[str, str]:
        """What a contender's process sees: nothing of the caller's AWS or PostgreSQL settings."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "PYTHONPATH": str(PROJECT),
            "BENCH_DSN": self.dsn(database),
            "RAW_BUCKET": BUCKET,
            "DATABASE_SECRET": SECRET,
            "DATABASE_TLS": "off",
            "AWS_ENDPOINT_URL": self.aws.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }


@contextmanager
def running(directory: Path) -> Iterator[Server]:
    """Both servers, started; stopped and removed at the end, whatever happened meanwhile."""
    directory.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="server-", dir=directory))
    settings = Settings(home, free_port(), "bench", free_port(), PROJECT)
    postgres, aws = Postgres(settings), Aws(settings)
    try:
        postgres.start()
        aws.start()
        server = Server(settings, aws)
        _prepare(server)
        yield server
    finally:
        aws.stop()
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


def _prepare(server: Server) -> None:
    server.execute(
        # It would start in the middle of whichever contender comes next.
        "alter system set autovacuum = off",
        "select pg_reload_conf()",
        "create schema bench",
        f"create table bench.plain ({', '.join(f'{name.lower()} text' for name in COLUMNS)})",
    )
    s3 = server.aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    secret = {
        "engine": "postgresql",
        "host": HOST,
        "port": server.settings.postgres_port,
        "dbname": DATABASE,
        "username": USER,
        "password": server.settings.postgres_password,
    }
    server.aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=json.dumps(secret))
    command = [str(LAMBDA_PYTHON), "-m", "bench.loading.children.migrate", str(CONTRACTS)]
    subprocess.run(command, check=True, env=server.environment(), cwd=PROJECT)
    # For B, whose file has neither column; the loader sends both, and then the server does not look at defaults.
    server.execute(
        f"alter table raw.{FEED} alter column _load_id set default current_setting('bench.load_id')::bigint",
        f"alter table raw.{FEED} alter column _row_number set default nextval(current_setting('bench.numbers')::oid)",
    )


def empty(server: Server, database: str) -> None:
    """Puts a database back to how every measurement begins: no ledger, nothing dirty in the server's buffers.

    The raw table of the filled database keeps its rows.
    """
    tables = LEDGER_TABLES if database == FILLED else f"{LEDGER_TABLES}, raw.{FEED}, bench.plain"
    server.execute(f"truncate {tables}", "drop schema if exists dlt_sales cascade", "checkpoint", database=database)


def fill(server: Server, file: Path, copies: int) -> None:
    """Makes the filled database: `copies` times the records of a CSV file, as one earlier load."""
    server.execute(f"drop database if exists {FILLED}", f"create database {FILLED} template {DATABASE}")
    columns = ", ".join(name.lower() for name in COLUMNS)
    load = f"\\copy bench.plain from '{file}' with (format csv, header)"
    subprocess.run([PSQL, "-X", "-q", "-d", server.dsn(FILLED), "-c", load], check=True)
    server.execute(
        # Emptied and filled in one transaction it writes no WAL.
        f"do $$ begin truncate raw.{FEED}; insert into raw.{FEED} ({columns}, _load_id, _row_number) "
        f"select {columns}, -1, row_number() over () from bench.plain cross join generate_series(1, {copies}); end $$",
        "truncate bench.plain",
        "checkpoint",
        database=FILLED,
    )
