"""RDS and Redshift beside each other: the embedded PostgreSQL, and the harness in front of another database of it."""

import json
import os
import time
from dataclasses import dataclass
from typing import Any

import pytest

from loaders import redshift
from loaders.contract import load_contracts
from loaders.load.redshift import PREFIX
from loaders.ops_tables import COPIED as LEDGER
from loaders.tables import raw_tables
from localcloud.aws import Aws
from localcloud.ports import HOST
from localcloud.postgres import USER, Postgres
from localcloud.redshift.launcher import DATABASE, Redshift
from tests.conftest import make_database
from tests.integration.loaders.conftest import Pipeline, clients, pipeline  # noqa: F401 - fixtures

SCHEMAS = ("raw", "ops", "staging", "intermediate", "marts", "test_failures")
COPIED = [f"raw.{table.name}" for contract in load_contracts().values() for table in raw_tables(contract)]
COPIED += [f"ops.{table.name}" for table in LEDGER]
QUOTED = '"raw".'
"""A reserved word in Redshift."""


@dataclass(frozen=True)
class Warehouses(Pipeline):
    """A pipeline with a Redshift; its tables there are empty."""

    def in_redshift(self, *statements: str) -> list[tuple[Any, ...]]:
        """What Redshift answers to the last statement."""
        with redshift.connected(os.environ) as connection, redshift.transaction(connection) as cursor:
            for statement in statements:
                cursor.execute(statement)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def land(self, key: str, body: bytes, *, delivered_at: str | None = None) -> dict[str, Any]:
        """Drops a file and loads it into RDS."""
        return self.load(self.deliver(key, body, delivered_at=delivered_at))

    def copy(self) -> dict[str, Any]:
        return self.call("copy_to_redshift", {"run_id": None})

    def left_behind(self) -> list[str]:
        """What lies under the prefix of the copies."""
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=PREFIX).get("Contents", [])
        return [str(one["Key"]) for one in found]

    def differences(self) -> list[str]:
        """The tables that do not hold the same rows in both databases; in RDS, of what has landed."""
        columns: dict[str, list[str]] = {table: [] for table in COPIED}
        statement = "select table_schema || '.' || table_name, column_name from information_schema.columns order by 2"
        for table, column in self.query(statement):
            columns.get(table, []).append(f'"{column}"')
        both = zip(COPIED, self._rows_in_rds(columns), self._rows_in_redshift(columns), strict=True)
        return [table for table, here, there in both if here != there]

    def _rows_in_rds(self, columns: dict[str, list[str]]) -> list[list[str]]:
        connection = self.connect()
        cursor, found = connection.cursor(), []
        for table, names in columns.items():
            where = "where load_id is not null" if table == "ops.deliveries" else ""
            cursor.execute(f"select {', '.join(names)} from {table} {where}")
            found.append(sorted(repr(list(row)) for row in cursor.fetchall()))
        connection.close()
        return found

    def _rows_in_redshift(self, columns: dict[str, list[str]]) -> list[list[str]]:
        found = []
        with redshift.connected(os.environ) as connection:
            for table, names in columns.items():
                cursor = connection.cursor()
                cursor.execute(f"select {', '.join(names)} from {table.replace('raw.', QUOTED)}")
                found.append(sorted(repr(list(row)) for row in cursor.fetchall()))
        return found


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    """The database that stands for RDS, beside the one that other tests use."""
    return make_database(postgres, "copies")


@pytest.fixture
def warehouses(
    pipeline: Pipeline,  # noqa: F811 - the fixture
    redshift_harness: Redshift,
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
) -> Warehouses:
    secret = pipeline.secret(dbname=DATABASE, username=USER, engine="redshift")
    environment = {
        "REDSHIFT_SECRET": secret,
        "REDSHIFT_HOST": HOST,
        "REDSHIFT_PORT": str(redshift_harness.settings.redshift_port),
        "REDSHIFT_ROLE": "arn:aws:iam::000000000000:role/copy",
        "SSL_CERT_FILE": str(redshift_harness.authority),
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    made = Warehouses(**{**vars(pipeline), "environment": pipeline.environment | environment})
    made.in_redshift(*(f'drop schema if exists "{schema}" cascade' for schema in SCHEMAS))
    made.call("migrate", {})
    return made


def wait_until(promise: str, reached: Any, seconds: float = 30) -> None:
    """Asks until `reached` answers yes; fails with the promise that was not kept."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {promise}"
        time.sleep(0.05)


def body_of(records: list[dict[str, Any]]) -> bytes:
    """A JSON file of these records."""
    return json.dumps(records, ensure_ascii=False).encode()
