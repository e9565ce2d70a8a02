"""One suite for two places: a real Redshift when the environment names one (see endpoint.py), else the harness."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.redshift.protocol.endpoint import Endpoint, harness_endpoint, real_endpoint, variables


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    """Where Redshift answers."""
    if real := real_endpoint():
        yield real
        return
    redshift, aws = request.getfixturevalue("redshift_harness"), request.getfixturevalue("aws")
    made = harness_endpoint(redshift, aws.endpoint)
    with variables(made.s3_environment):
        made.s3().create_bucket(Bucket=made.bucket)
        yield made


@pytest.fixture
def harness(endpoint: Endpoint) -> Endpoint:
    """For tests of the harness itself, which a real Redshift would answer in words of its own."""
    if endpoint.harness is None:
        pytest.skip("this is about the harness")
    return endpoint


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
    name = f"xtage_test_{uuid.uuid4().hex[:12]}"
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
