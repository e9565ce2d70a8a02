"""What each test of the protocol has to itself: a schema, and a prefix in the bucket."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.redshift.endpoint import OWN_SCHEMAS, Endpoint


@pytest.fixture(scope="module")
def connection(endpoint: Endpoint) -> Iterator[Any]:
    """A connection that commits each statement by itself; one for a module, for logging in takes longest."""
    made = endpoint.connect()
    made.autocommit = True
    yield made
    made.close()


@pytest.fixture(scope="module")
def schema(endpoint: Endpoint) -> Iterator[str]:
    """An empty schema that only the tests of this module use."""
    name = f"{OWN_SCHEMAS}{uuid.uuid4().hex[:12]}"
    connection = endpoint.connect()
    connection.autocommit = True
    connection.cursor().execute(f"create schema {name}")
    yield name
    connection.cursor().execute(f"drop schema {name} cascade")
    connection.close()


@pytest.fixture
def prefix(endpoint: Endpoint) -> Iterator[str]:
    """A key prefix in the bucket that only this test uses."""
    name = f"xtage-test/{uuid.uuid4()}/"
    yield name
    s3 = endpoint.s3()
    for one in s3.list_objects_v2(Bucket=endpoint.bucket, Prefix=name).get("Contents", []):
        s3.delete_object(Bucket=endpoint.bucket, Key=one["Key"])
