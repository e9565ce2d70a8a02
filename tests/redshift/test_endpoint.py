"""What a run of these tests on a real Redshift leaves of it and takes from it: nothing. Shown on the harness."""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from tests.redshift.endpoint import HARNESS_BUCKET, SCHEMAS, Endpoint, InUseError, claimed
from tests.redshift.protocol.queries import rows


@pytest.fixture
def empty(harness: Endpoint) -> Endpoint:
    """The harness as a real endpoint: an empty database, and a versioned bucket with nothing in it."""
    made = replace(harness, bucket=f"xtage-claimed-{uuid.uuid4().hex[:12]}")
    made.s3().create_bucket(Bucket=made.bucket)
    made.s3().put_bucket_versioning(Bucket=made.bucket, VersioningConfiguration={"Status": "Enabled"})
    _run(made, *(f'drop schema if exists "{schema}" cascade' for schema in SCHEMAS))
    return made


def _run(endpoint: Endpoint, *statements: str) -> list[list[Any]]:
    connection = endpoint.connect()
    connection.autocommit = True
    found: list[list[Any]] = []
    for statement in statements:
        found = rows(connection, statement)
    connection.close()
    return found


def _groups(endpoint: Endpoint) -> list[list[Any]]:
    return _run(endpoint, "select groname from pg_group order by 1")


def test_a_run_leaves_nothing_and_shares_with_nobody(empty: Endpoint) -> None:
    schemas = "select nspname from pg_namespace order by 1"
    before, groups, s3 = _run(empty, schemas), _groups(empty), empty.s3()
    with claimed(empty):
        _run(empty, 'create schema "raw"', 'create table "raw".sales (id int)', "create schema xtage_test_1")
        if ["analyst"] not in groups:
            _run(empty, "create group analyst")
        with pytest.raises(InUseError, match="raw, xtage_test_1, xtage_test_claim"), claimed(empty):
            pass
        for body in (b"1", b"2"):
            s3.put_object(Bucket=empty.bucket, Key="raw/a.csv", Body=body)
        s3.delete_object(Bucket=empty.bucket, Key="raw/a.csv")
    assert (_run(empty, schemas), _groups(empty)) == (before, groups)
    left = s3.list_object_versions(Bucket=empty.bucket)
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")


def test_a_database_or_a_bucket_that_holds_something_is_not_touched(empty: Endpoint) -> None:
    _run(empty, "create schema marts", "create table marts.kept as select 1 as id")
    with pytest.raises(InUseError, match="has the schemas marts, and the suite drops them"), claimed(empty):
        pass
    assert _run(empty, "select id from marts.kept", "drop schema marts cascade", "select 1") == [[1]]
    empty.s3().put_object(Bucket=empty.bucket, Key="kept", Body=b"1")
    with pytest.raises(InUseError, match="holds objects"), claimed(empty):
        pass
    assert empty.s3().get_object(Bucket=empty.bucket, Key="kept")["Body"].read() == b"1"
    with pytest.raises(InUseError, match="has no versions"), claimed(replace(empty, bucket=HARNESS_BUCKET)):
        pass
