"""The benchmark's own PostgreSQL, with databases in which sample feeds have landed and dbt builds."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import pg8000.dbapi

from bench.measure import Command, Measurement, measure
from loaders import runs
from loaders.database import Connection, transaction
from localcloud.ports import HOST, free_port
from localcloud.postgres import USER, Postgres
from localcloud.settings import PROJECT, Settings

DBT = Path(sys.executable).with_name("dbt")


@dataclass(frozen=True)
class Run:
    """One dbt process: what it took as a whole, and how long the database worked for it, in seconds."""

    process: Measurement
    database_seconds: float


@dataclass(frozen=True)
class Database:
    """One database of a running server, and the directory in which dbt keeps what it has parsed."""

    settings: Settings
    name: str
    work: Path

    def execute(self, *statements: str, stream: TextIO | None = None) -> Any:
        """Runs statements, each in a transaction of its own; the first value of the last one, if it has rows.

        `stream` is what a statement copies from.
        """
        with closing(self._connect()) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement, stream=stream)
            return cursor.fetchone()[0] if cursor.description else None

    def index_new_rows(self) -> None:
        """What the pipeline does before each build."""
        with closing(self._connect()) as connection, transaction(connection) as cursor:
            runs.index_new_rows(cursor, seconds=3600)

    def _connect(self) -> Connection:
        port, password = self.settings.postgres_port, self.settings.postgres_password
        return pg8000.dbapi.connect(USER, HOST, self.name, port, password)

    def dbt(self, *arguments: str) -> Run:
        """Runs dbt as a process of its own. Raises BenchError with its last words when it fails."""
        before = self._active_seconds()
        command = Command((str(DBT), "--no-use-colors", *arguments, "--target", "rds"), self._environment())
        process = measure(command)
        return Run(process, self._active_seconds() - before)

    def _active_seconds(self) -> float:
        """How long sessions of this database have executed statements, of those that have ended."""
        server = Database(self.settings, "postgres", self.work)
        return float(server.execute(f"select active_time / 1000 from pg_stat_database where datname = '{self.name}'"))

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return kept | {
            "RDS_HOST": HOST,
            "RDS_PORT": str(self.settings.postgres_port),
            "RDS_USER": USER,
            "RDS_PASSWORD": self.settings.postgres_password,
            "RDS_DBNAME": self.name,
            "RDS_SSLMODE": "disable",
            "DBT_PROJECT_DIR": str(PROJECT),
            "DBT_PROFILES_DIR": str(PROJECT),
            "DBT_TARGET_PATH": str(self.work / "target"),
            "DBT_LOG_PATH": str(self.work / "logs"),
        }


@contextmanager
def running(directory: Path) -> Iterator[Database]:
    """A server, started, as its first database; stopped and removed at the end, whatever happened meanwhile."""
    directory.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="server-", dir=directory))
    settings = Settings(home, free_port(), "bench", free_port(), PROJECT)
    postgres = Postgres(settings)
    try:
        postgres.start()
        server = Database(settings, "postgres", home)
        # It would start in the middle of whatever is measured next.
        server.execute("alter system set autovacuum = off", "select pg_reload_conf()")
        yield server
    finally:
        postgres.stop()
        shutil.rmtree(home, ignore_errors=True)


def create(server: Database, name: str) -> Database:
    """A database with the loaders' tables, empty."""
    server.execute(f'drop database if exists "{name}"', f'create database "{name}"')
    database = Database(server.settings, name, server.work)
    database.execute((PROJECT / "loaders" / "schema" / "rds.sql").read_text(encoding="utf-8"))
    return database
