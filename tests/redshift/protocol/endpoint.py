"""What the tests of this directory run on: a real Redshift named by the environment, else the harness."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import redshift_connector

from localcloud.postgres import USER
from localcloud.redshift.launcher import DATABASE, Redshift

# A real endpoint, and a bucket and role with which it may read and write under the prefix `xtage-test/`.
VARIABLES = {
    "host": "REDSHIFT_TEST_HOST",
    "port": "REDSHIFT_TEST_PORT",
    "user": "REDSHIFT_TEST_USER",
    "password": "REDSHIFT_TEST_PASSWORD",
    "database": "REDSHIFT_TEST_DATABASE",
    "bucket": "REDSHIFT_TEST_BUCKET",
    "role": "REDSHIFT_TEST_IAM_ROLE",
}
HARNESS_ROLE = "arn:aws:iam::123456789012:role/redshift"
HARNESS_BUCKET = "xtage-redshift-tests"


@dataclass(frozen=True)
class Endpoint:
    """Where Redshift, or the harness, answers, and the S3 it copies from."""

    host: str
    port: int
    user: str
    password: str
    database: str
    bucket: str
    role: str
    harness: Redshift | None = None
    s3_environment: Mapping[str, str] = field(default_factory=dict)

    def connect(self, **changed: Any) -> Any:
        """A connection of the driver, TLS verified; `changed` are other arguments for it."""
        arguments = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "sslmode": "verify-full",
        }
        with self.trusted():
            return redshift_connector.connect(**{**arguments, **changed})

    @contextmanager
    def trusted(self) -> Iterator[None]:
        """The driver takes the authorities that it trusts from the environment, when it connects."""
        with variables({"SSL_CERT_FILE": str(self.harness.authority)} if self.harness else {}):
            yield

    @property
    def environment(self) -> dict[str, str]:
        """What the dbt target `redshift` and `xtage sql --target redshift` read."""
        found = {
            "REDSHIFT_HOST": self.host,
            "REDSHIFT_PORT": str(self.port),
            "REDSHIFT_USER": self.user,
            "REDSHIFT_PASSWORD": self.password,
            "REDSHIFT_DBNAME": self.database,
        }
        return found | ({"SSL_CERT_FILE": str(self.harness.authority)} if self.harness else {})

    def s3(self) -> Any:
        """A client of the S3 that holds the bucket."""
        return _client(tuple(self.s3_environment.items()))


@cache
def _client(environment: tuple[tuple[str, str], ...]) -> Any:
    with variables(dict(environment)):
        return boto3.client("s3")


@contextmanager
def variables(changed: Mapping[str, str]) -> Iterator[None]:
    """Environment variables as they are to be for a moment."""
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def real_endpoint() -> Endpoint | None:
    """The Redshift that the environment names, None without one. Raises KeyError when a variable is missing."""
    if VARIABLES["host"] not in os.environ:
        return None
    found = {name: os.environ[variable] for name, variable in VARIABLES.items()}
    return Endpoint(**{**found, "port": int(found["port"])})  # type: ignore[arg-type]


def harness_endpoint(redshift: Redshift, s3_endpoint: str) -> Endpoint:
    """The harness, with a bucket in the embedded S3."""
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    settings = redshift.settings
    return Endpoint(
        host="127.0.0.1",
        port=settings.redshift_port,
        user=USER,
        password=settings.postgres_password,
        database=DATABASE,
        bucket=HARNESS_BUCKET,
        role=HARNESS_ROLE,
        harness=redshift,
        s3_environment=keys | {"AWS_ENDPOINT_URL": s3_endpoint},
    )


def log_of(redshift: Redshift) -> str:
    """What the harness has written down."""
    return Path(redshift.log).read_text(encoding="utf-8")
