"""A local cloud of the benchmark's own, its unified dataset filled to a size, in tables and indexes that dbt made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.dbapi

from bench.measure import BenchError
from localcloud.aws import Aws
from localcloud.ports import HOST, free_port
from localcloud.postgres import DATABASE, USER, Postgres
from localcloud.settings import PROJECT, Settings
from samples import FILES, make_samples

FUNCTION = "xtage-local-api"
SAMPLE_RECORDS = 1000
BEHIND = ("int_rates_as_of", "daily_sales", "daily_sales_by_location")
"""The models that are built again from the filled dataset."""


@dataclass(frozen=True)
class Cloud:
    """What is measured against."""

    settings: Settings

    @property
    def dsn(self) -> str:
        """The connection string of the dataset's owner."""
        return f"postgresql://{USER}:{self.settings.postgres_password}@{HOST}:{self.settings.postgres_port}/{DATABASE}"

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Runs one statement in a transaction of its own."""
        port, password = self.settings.postgres_port, self.settings.postgres_password
        with closing(pg8000.dbapi.connect(USER, HOST, DATABASE, port, password)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def function_environment(self) -> dict[str, str]:
        """What the deployed function sees, and the way to the embedded AWS."""
        aws = Aws(self.settings)
        described = aws.client("lambda").get_function_configuration(FunctionName=FUNCTION)
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            **described["Environment"]["Variables"],
            "PYTHONPATH": str(PROJECT),
            "AWS_ENDPOINT_URL": aws.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def run(self, program: str, *arguments: str) -> None:
        """Runs a command of this environment to its end. Raises BenchError with its last words when it fails."""
        command = [str(Path(sys.executable).with_name(program)), *arguments]
        environment = os.environ | self.settings.as_environment()
        done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"{program} {' '.join(arguments)}: {(done.stderr or done.stdout)[-1000:]}")


@contextmanager
def running(directory: Path, rows: int) -> Iterator[Cloud]:
    """The cloud, up and filled; stopped and removed at the end, whatever happened meanwhile."""
    directory.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="serving-", dir=directory))
    cloud = Cloud(Settings(home, free_port(), "bench", free_port(), PROJECT))
    try:
        cloud.run("xtage", "up")
        make_samples(home / "samples", seed=7, records=SAMPLE_RECORDS)
        cloud.run("xtage", "drop", *(str(home / "samples" / name) for name in FILES.values()))
        cloud.run("xtage", "run")
        _fill(cloud, rows)
        cloud.run("dbt", "run", "--select", *BEHIND)
        yield cloud
    finally:
        Aws(cloud.settings).stop()
        Postgres(cloud.settings).stop()
        shutil.rmtree(home, ignore_errors=True)


def _fill(cloud: Cloud, rows: int) -> None:
    """Repeats the sample's rows under other ids and on other days, up to so many; the indexes are dbt's own."""
    table = "marts.unified_sales"
    indexes = cloud.rows(
        "select indexname, indexdef from pg_indexes where schemaname = 'marts' and tablename = 'unified_sales'"
    )
    columns = [
        name
        for (name,) in cloud.rows(
            f"select attname from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 order by attnum"
        )
    ]
    shifted = {
        "transaction_id": "transaction_id + cast(copy as bigint) * 1000000",
        "transaction_date": "transaction_date + copy % 1000",
    }
    for name, _ in indexes:
        cloud.rows(f'drop index marts."{name}"')
    cloud.rows(
        f"insert into {table} select {', '.join(shifted.get(name, name) for name in columns)} "
        f"from {table} cross join generate_series(1, {max(rows // SAMPLE_RECORDS - 1, 0)}) as copy"
    )
    for _, definition in indexes:
        cloud.rows(definition)
    cloud.rows(f"vacuum analyze {table}")
