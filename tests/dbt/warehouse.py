"""A database of its own with the loaders' tables, what loaders would have landed in it, and dbt run on it."""

import hashlib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner

from loaders.contract import Contract
from loaders.tables import raw_tables
from localcloud.settings import PROJECT

Record = Mapping[str, str | None]

QUICKLY = ("--log-level-file", "none", "--no-write-json")
"""What dbt needs not do where nobody reads its files."""

# dbt as it is installed beside this Python: the tests must not depend on an activated environment.
DBT = Path(sys.executable).with_name("dbt")


@dataclass(frozen=True)
class Delivery:
    """One delivery that landed, as ops.deliveries has it."""

    delivery_id: int
    feed: str
    object_key: str
    version_order: int
    delivered_at: datetime
    load_id: int


@dataclass(frozen=True)
class Warehouse:
    """One database on the embedded server, and where dbt may write."""

    host: str
    port: int
    user: str
    password: str
    database: str
    work: Path
    project: Path = PROJECT

    @property
    def environment(self) -> dict[str, str]:
        """What the target `rds` of profiles.yml reads."""
        return {
            "RDS_HOST": self.host,
            "RDS_PORT": str(self.port),
            "RDS_USER": self.user,
            "RDS_PASSWORD": self.password,
            "RDS_DBNAME": self.database,
            "RDS_SSLMODE": "disable",
        }

    @property
    def dbt_environment(self) -> dict[str, str]:
        """What dbt is run with: this database, and directories of its own."""
        work = {"DBT_TARGET_PATH": str(self.work / "target"), "DBT_LOG_PATH": str(self.work / "logs")}
        return self.environment | work

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.database,
            autocommit=True,
        )

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection:
            cursor = connection.execute(sql.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def create_tables(self) -> None:
        """The raw and ops tables, by the DDL that the project keeps beside the loaders."""
        self.query((PROJECT / "loaders/schema/rds.sql").read_text(encoding="utf-8"))

    def land(
        self, feed: str, records: Sequence[Record], delivered_at: datetime, object_key: str, version_order: int = 0
    ) -> Delivery:
        """Lands a file's records as the loader does: content that has landed before gives a duplicate, not a load."""
        content = hashlib.sha256(repr([feed, [sorted(record.items()) for record in records]]).encode()).hexdigest()
        with self.connect() as connection, connection.transaction():
            known = connection.execute(
                "select load_id from ops.loads where feed = %s and content_sha256 = %s", (feed, content)
            ).fetchone()
            load_id = known[0] if known else self._load(connection, feed, content, records)
            row = connection.execute(
                "insert into ops.deliveries (feed, bucket, object_key, version_id, version_order, delivered_at, bytes,"
                " content_sha256, load_id, status) values (%s, 'drop', %s, %s, %s, %s, 1, %s, %s, %s)"
                " returning delivery_id",
                (
                    feed,
                    object_key,
                    f"v{version_order}",
                    version_order,
                    delivered_at,
                    content,
                    load_id,
                    "duplicate" if known else "loaded",
                ),
            ).fetchone()
        assert row is not None
        return Delivery(row[0], feed, object_key, version_order, delivered_at, load_id)

    def land_again(self, load_id: int, feed: str, records: Sequence[Record]) -> None:
        """Replaces what a load landed, as a replay does after the loader has learned to read its file better."""
        with self.connect() as connection, connection.transaction():
            connection.execute(f"delete from raw.{feed} where _load_id = %s".encode(), (load_id,))
            connection.execute(
                "update ops.loads set records_read = %s, records_loaded = %s,"
                " loaded_at = clock_timestamp() at time zone 'utc' where load_id = %s",
                (len(records), len(records), load_id),
            )
            self._copy(connection, feed, load_id, records)

    def land_arrays(self, contract: Contract, load_id: int, tables: Mapping[str, Sequence[tuple[Any, ...]]]) -> None:
        """Lands the elements of a nested feed's arrays; a row is as the raw table has it, without its load."""
        with self.connect() as connection, connection.transaction():
            for table in raw_tables(contract)[1:]:
                rows = tables.get(table.name, ())
                columns = ["_load_id", *(column.name for column in table.columns if column.name != "_load_id")]
                copy = f"copy raw.{table.name} ({', '.join(columns)}) from stdin"
                with connection.cursor().copy(copy.encode()) as writer:
                    for row in rows:
                        writer.write_row((load_id, *row))
                connection.execute(
                    "insert into ops.load_arrays values (%s, %s, %s, %s)", (load_id, table.name, len(rows), len(rows))
                )

    def _load(self, connection: psycopg.Connection[Any], feed: str, content: str, records: Sequence[Record]) -> int:
        row = connection.execute(
            "insert into ops.loads (feed, content_sha256, contract_version, records_read, records_loaded,"
            " records_rejected, blank_lines, route) values (%s, %s, '1.0.0', %s, %s, 0, 0, 'lambda') returning load_id",
            (feed, content, len(records), len(records)),
        ).fetchone()
        assert row is not None
        load_id: int = row[0]
        self._copy(connection, feed, load_id, records)
        return load_id

    def _copy(self, connection: psycopg.Connection[Any], feed: str, load_id: int, records: Sequence[Record]) -> None:
        columns = list(records[0])
        copy = f"copy raw.{feed} ({', '.join(columns)}, _load_id, _row_number) from stdin"
        with connection.cursor().copy(copy.encode()) as writer:
            for number, record in enumerate(records, start=1):
                writer.write_row([*(record[column] for column in columns), load_id, number])

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """Makes this process one in which dbt works on this database."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.project)
            patch.delenv("XTAGE_SCHEMA_PREFIX", raising=False)
            for name, value in self.dbt_environment.items():
                patch.setenv(name, value)
            yield

    def dbt(self, *arguments: str) -> str:
        """Runs dbt on this database, in this process, which has imported it once; what it printed. Fails with that
        when dbt fails."""
        printed = io.StringIO()
        with self.surroundings(), redirect_stdout(printed):
            finished = dbtRunner().invoke(["--no-use-colors", *QUICKLY, *arguments, "--target", "rds"])
        assert finished.success, f"{finished.exception}\n{printed.getvalue()[-8000:]}"
        return printed.getvalue()
