"""A local cloud of its own for these tests: free ports, an empty home, the commands a person types."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg.rows import dict_row

from localcloud.ports import free_port
from localcloud.postgres import Postgres
from localcloud.settings import PROJECT, Settings


@dataclass(frozen=True)
class Cloud:
    """The local cloud under test, driven by the `xtage` command."""

    environment: dict[str, str]

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Runs `xtage ARGUMENTS` to its end, whatever its exit code."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("xtage")), *arguments],
            env=self.environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def ok(self, *arguments: str, timeout: float = 300) -> str:
        """Runs `xtage ARGUMENTS`, which must succeed, and gives what it printed."""
        done = self.run(*arguments, timeout=timeout)
        assert done.returncode == 0, (
            f"xtage {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout

    def connect(self) -> psycopg.Connection[Any]:
        """To the database, as its owner: for what is asked again and again, where a command each time would cost more
        than the work that is waited for."""
        return psycopg.connect(Postgres(Settings.from_environment(self.environment)).dsn)

    def sql(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """The rows that a query gives."""
        with self.connect() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(statement.encode(), parameters or None).fetchall()

    def status(self) -> dict[str, Any]:
        """What `xtage status` knows."""
        status: dict[str, Any] = json.loads(self.ok("status", "--format", "json"))
        return status

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS."""
        endpoint = f"http://127.0.0.1:{self.environment['XTAGE_AWS_PORT']}"
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
        return boto3.client(service, endpoint_url=endpoint, **keys)

    def put(self, object_key: str, body: bytes) -> None:
        """Puts an object into the raw bucket, as anything that is not `xtage` would."""
        self.client("s3").put_object(Bucket="xtage-data-pipeline", Key=object_key, Body=body)

    def deliveries(self, object_key: str) -> list[dict[str, Any]]:
        """The deliveries of one object key, oldest first."""
        return self.sql(
            "select delivery_id, status, load_id, run_id, error from ops.deliveries "
            "where object_key = %s order by delivery_id",
            object_key,
        )

    def wait_for(self, promise: str, reached: Callable[[], bool], seconds: float = 120) -> None:
        """Asks until `reached` answers yes; fails with the promise that was not kept."""
        deadline = time.monotonic() + seconds
        while not reached():
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {promise}"
            time.sleep(0.5)

    def wait_until_idle(self) -> None:
        """Waits until nothing is pending and no run is under way."""
        self.wait_for(
            "the pipeline comes to rest",
            lambda: (
                not self.sql(
                    "select 1 as busy from ops.deliveries where status = 'pending' "
                    "union all select 1 from ops.runs where status = 'running'"
                )
            ),
        )


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    home = tmp_path_factory.mktemp("xtage")
    environment = {
        **os.environ,
        "XTAGE_HOME": str(home),
        "XTAGE_POSTGRES_PORT": str(free_port()),
        "XTAGE_AWS_PORT": str(free_port()),
    }
    cloud = Cloud(environment)
    try:
        cloud.ok("up")
        yield cloud
    finally:
        cloud.run("down")
