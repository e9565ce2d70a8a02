"""RDS and Redshift beside each other: the embedded PostgreSQL, and a Redshift in front of which nothing is replaced.

That is the one that the environment names (see endpoint.py), with the S3 it copies from; else the harness, in front of
another database of the same PostgreSQL, with the embedded S3. RDS and the secrets are the embedded ones in both cases.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from loaders import handler, redshift
from loaders.contract import load_contracts
from loaders.load.redshift import PREFIX
from loaders.ops_tables import COPIED as LEDGER
from loaders.tables import raw_tables
from localcloud.aws import Aws, lifeline
from localcloud.aws.jobs import WORKER
from localcloud.postgres import Postgres
from localcloud.settings import PROJECT
from tests.conftest import make_database
from tests.integration.loaders.conftest import Pipeline, Store, clients, pipeline  # noqa: F401 - fixtures
from tests.integration.loaders.conftest import store as embedded_store  # noqa: F401 - fixture
from tests.redshift.endpoint import SCHEMAS, Endpoint, InUseError, claimed, harness_endpoint, real_endpoint

FLATTEN = Path(__file__).with_name("flatten_job.py")
COPIED = [f"raw.{table.name}" for contract in load_contracts().values() for table in raw_tables(contract)]
COPIED += [f"ops.{table.name}" for table in LEDGER]
QUOTED = '"raw".'
"""A reserved word in Redshift."""


@dataclass(frozen=True)
class Warehouses(Pipeline):
    """A pipeline with a Redshift; its tables there are empty."""

    endpoint: Endpoint

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

    def flatten(self, *locations: str) -> None:
        """Runs the Glue job on the places where nested files were split, with the S3 that Redshift copies from."""
        keys = boto3.Session().get_credentials()
        assert keys is not None
        environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            **({"AWS_SESSION_TOKEN": keys.token} if keys.token else {}),
            "AWS_REGION": self.s3.meta.region_name,
            "AWS_ENDPOINT_URL": self.s3.meta.endpoint_url,
            "AWS_ALLOW_HTTP": "true",
            "RUST_LOG": "error",
        }
        python = PROJECT / ".venv-glue" / "bin" / "python"
        done = subprocess.run(
            [python, WORKER, str(lifeline.descriptor()), FLATTEN, PROJECT, *locations],
            env=environment,
            pass_fds=[lifeline.descriptor()],
            start_new_session=True,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]

    def land_nested(self, *deliveries: int) -> list[dict[str, Any]]:
        """Loads nested files into RDS; returns what became of each."""
        splits = [self.call("split", {"delivery_id": one, "run_id": None}) for one in deliveries]
        self.flatten(*(made["location"] for made in splits if made["outcome"] == "split"))
        return [
            self.call("land", {"delivery_id": one, "run_id": None, "prefix": made["prefix"]})
            if made["outcome"] == "split"
            else made
            for one, made in zip(deliveries, splits, strict=True)
        ]

    def waiting(self) -> int:
        """How many sessions wait for a lock in Redshift."""
        found = self.in_redshift(
            "select count(distinct pid) from svv_transactions where txn_db = current_database() and not granted"
        )
        return int(found[0][0])

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
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """Where Redshift answers."""
    if real := real_endpoint():
        with ExitStack() as stack:
            try:
                stack.enter_context(claimed(real))
            except InUseError as error:
                pytest.exit(f"not on this Redshift: {error}", returncode=1)
            yield real
        return
    made = harness_endpoint(request.getfixturevalue("redshift_harness"), request.getfixturevalue("aws").endpoint)
    made.s3().create_bucket(Bucket=made.bucket)
    yield made


@pytest.fixture
def harness(endpoint: Endpoint) -> Endpoint:
    """For tests of the harness itself, which a real Redshift would answer in words of its own."""
    if endpoint.harness is None:
        pytest.skip("this is about the harness")
    return endpoint


@pytest.fixture(scope="session")
def database(postgres: Postgres) -> str:
    """The database that stands for RDS, beside the one that other tests use."""
    return make_database(postgres, "copies")


@pytest.fixture
def store(request: pytest.FixtureRequest, endpoint: Endpoint, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The S3 from which this Redshift copies."""
    if endpoint.harness:
        made: Store = request.getfixturevalue("embedded_store")
        return made
    # What a client of the embedded S3 was kept for.
    monkeypatch.setattr(handler._Worker, "s3", None)
    return Store(endpoint.s3(), endpoint.bucket, {"AWS_ENDPOINT_URL_SECRETS_MANAGER": aws.endpoint})


@pytest.fixture
def warehouses(
    pipeline: Pipeline,  # noqa: F811 - the fixture
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> Warehouses:
    environment = {
        "REDSHIFT_SECRET": pipeline.secret(**endpoint.credentials),
        "REDSHIFT_ROLE": endpoint.role,
        **endpoint.environment,
    }
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    made = Warehouses(**{**vars(pipeline), "environment": pipeline.environment | environment, "endpoint": endpoint})
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
