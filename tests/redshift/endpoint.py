"""What the tests of this directory run on: a real Redshift named by the environment, else the harness.

A real one is given a database and a bucket for the time of a run, and gets both back empty, as it gave them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import redshift_connector

from localcloud.postgres import USER
from localcloud.redshift.launcher import DATABASE, Redshift

# A real endpoint, a versioned bucket that holds nothing, and the role with which it may read and write there.
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
SCHEMAS = ("raw", "ops", "staging", "intermediate", "marts", "test_failures", "builds")
"""What a deployment has in its database, and these tests too."""
OWN_SCHEMAS = "xtage_test_"
CLAIM = f"{OWN_SCHEMAS}claim"
GROUP = "analyst"
"""Of the whole Redshift, not of one database: the first build anywhere makes it."""


class InUseError(Exception):
    """The database or the bucket holds something that is not the suite's."""


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

    @property
    def credentials(self) -> dict[str, Any]:
        """What a secret of this Redshift holds."""
        return {
            "dbname": self.database,
            "username": self.user,
            "password": self.password,
            "engine": "redshift",
        }

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


@contextmanager
def claimed(endpoint: Endpoint) -> Iterator[None]:
    """Takes an empty database and an empty bucket for one run of the suite; afterwards both are empty again.

    Raises InUseError where one of them holds anything: a deployment's data, another run's, or what a killed run left.
    """
    had_group = _claim(endpoint)
    try:
        yield
    finally:
        connection = endpoint.connect()
        connection.autocommit = True
        cursor = connection.cursor()
        for schema in _schemas(cursor):
            cursor.execute(f'drop schema "{schema}" cascade')
        if not had_group and _has_group(cursor):
            cursor.execute(f"drop group {GROUP}")
        connection.close()
        _empty(endpoint)


def _claim(endpoint: Endpoint) -> bool:
    """Marks the database as taken; whether the group of analysts was there before."""
    s3 = endpoint.s3()
    if s3.get_bucket_versioning(Bucket=endpoint.bucket).get("Status") != "Enabled":
        raise InUseError(
            f"the bucket {endpoint.bucket} has no versions: switch them on, as a deployment's bucket has them"
        )
    if any(_versions(endpoint)):
        raise InUseError(
            f"the bucket {endpoint.bucket} holds objects, and the suite empties it: give it one of its own"
        )
    connection = endpoint.connect()
    connection.autocommit = True
    cursor = connection.cursor()
    try:
        if found := _schemas(cursor):
            raise InUseError(
                f"the database {endpoint.database} has the schemas {', '.join(found)}, and the suite drops them: "
                "give it a database of its own, or drop them when they are what a killed run left"
            )
        # Of two runs that begin together one fails here.
        cursor.execute(f"create schema {CLAIM}")
        return _has_group(cursor)
    finally:
        connection.close()


def _schemas(cursor: Any) -> list[str]:
    """The schemas in which the suite works."""
    names = ", ".join(f"'{schema}'" for schema in SCHEMAS)
    own = f"substring(nspname, 1, {len(OWN_SCHEMAS)}) = '{OWN_SCHEMAS}'"
    cursor.execute(f"select nspname from pg_namespace where nspname in ({names}) or {own} order by 1")
    return [str(row[0]) for row in cursor.fetchall()]


def _has_group(cursor: Any) -> bool:
    cursor.execute(f"select 1 from pg_group where groname = '{GROUP}'")
    return bool(cursor.fetchall())


def _versions(endpoint: Endpoint) -> Iterable[dict[str, str]]:
    """Every version and every mark of a deletion in the bucket."""
    for page in endpoint.s3().get_paginator("list_object_versions").paginate(Bucket=endpoint.bucket):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield {"Key": one["Key"], "VersionId": one["VersionId"]}


def _empty(endpoint: Endpoint) -> None:
    found = list(_versions(endpoint))
    for first in range(0, len(found), 1000):
        endpoint.s3().delete_objects(Bucket=endpoint.bucket, Delete={"Objects": found[first : first + 1000]})


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
