"""How drops come to the ledger."""

import time
from datetime import timedelta

import pytest

from loaders.database import transaction
from loaders.errors import TerminalError
from loaders.ledger import unregistered
from loaders.storage import ObjectVersion
from tests.integration.loaders.conftest import SALES, Pipeline, utc

RECORD = SALES + b"1,2,3,4,5\n"
REGISTERED = "select feed, object_key, status from ops.deliveries order by delivery_id"


def test_an_event_registers_the_version_with_what_s3_knows(pipeline: Pipeline) -> None:
    event = pipeline.put("in/sales_data.csv", RECORD)
    pipeline.open(event)

    described = event["detail"]["object"]
    row = pipeline.query(
        "select feed, bucket, object_key, version_id, etag, sequencer, bytes, status, attempts, "
        "content_sha256, load_id, error, finished_at from ops.deliveries"
    )
    assert row == [
        (
            *("sales", pipeline.bucket, "in/sales_data.csv", described["version-id"], described["etag"]),
            *(described["sequencer"], len(RECORD), "pending", 0, None, None, None, None),
        )
    ]


def test_registering_twice_changes_nothing(pipeline: Pipeline) -> None:
    event = pipeline.put("sales_data.csv", RECORD)
    for _ in range(2):
        pipeline.open(event, sweep=True)
    assert pipeline.query(REGISTERED) == [("sales", "sales_data.csv", "pending")]


def test_a_sweep_finds_versions_whose_event_never_came(pipeline: Pipeline) -> None:
    for body in (b"a", b"bb"):
        pipeline.put("raw/sales/x.csv", body)
    pipeline.open(pipeline.put("sales_data.csv", RECORD))
    pipeline.put("transactions.csv", b"c")
    pipeline.open(sweep=True)

    rows = pipeline.query("select object_key, bytes from ops.deliveries order by object_key, version_order")
    sizes = [("sales_data.csv", len(RECORD)), ("transactions.csv", 1)]
    assert rows == [("raw/sales/x.csv", 1), ("raw/sales/x.csv", 2), *sizes]


def test_an_object_that_s3_does_not_describe_fails_alone(pipeline: Pipeline) -> None:
    # Only who has the key may even ask for its metadata.
    own_key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key="sales_data.csv", Body=RECORD, **own_key)
    pipeline.put("transactions.csv", b"c")
    pipeline.open(sweep=True)

    rows = pipeline.query("select object_key, bytes, status, error from ops.deliveries order by object_key")
    assert rows[0][:3] == ("sales_data.csv", len(RECORD), "failed")
    assert rows[0][3].startswith("S3 refuses to describe the object (400) -> drop it without a key of your own")
    assert rows[1] == ("transactions.csv", 1, "pending", None)


def test_an_event_after_the_sweep_adds_its_sequencer_only(pipeline: Pipeline) -> None:
    event = pipeline.put("sales_data.csv", RECORD)
    pipeline.open(sweep=True)
    assert pipeline.query("select sequencer from ops.deliveries") == [(None,)]
    pipeline.open(event)
    assert pipeline.query("select sequencer from ops.deliveries") == [(event["detail"]["object"]["sequencer"],)]


def test_versions_are_ordered_whatever_is_registered_first(pipeline: Pipeline) -> None:
    events = [pipeline.put("sales_data.csv", b"%d" % number) for number in range(3)]
    pipeline.put("sales_data.csv.other", b"x")
    for event in reversed(events):
        pipeline.open(event)
    newest_first, oldest_first = "order by version_order desc", "order by delivery_id"
    order = pipeline.query(f"select delivery_id from ops.deliveries {newest_first}")
    assert order == pipeline.query(f"select delivery_id from ops.deliveries {oldest_first}")


def test_a_new_version_is_the_newest_when_older_ones_were_deleted(pipeline: Pipeline) -> None:
    events = []
    for number in range(3):
        events.append(pipeline.put("sales_data.csv", b"%d" % number))
        pipeline.open(events[-1])
    for event in events[:2]:
        version = event["detail"]["object"]["version-id"]
        pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="sales_data.csv", VersionId=version)
    # S3 tells times in whole seconds.
    time.sleep(1.1)
    pipeline.open(pipeline.put("sales_data.csv", b"3"))
    orders = pipeline.query("select version_order from ops.deliveries order by delivery_id")
    assert orders[3] > max(orders[:3])


def test_what_the_pipeline_writes_itself_is_no_drop(pipeline: Pipeline) -> None:
    for key in ("lake/a.parquet", "work/sales_data.csv", "artifacts/x.zip", "raw/sales/"):
        pipeline.open(pipeline.put(key, b"" if key.endswith("/") else RECORD), sweep=True)
    assert pipeline.query(REGISTERED) == []


@pytest.mark.parametrize("key", ["notes.txt", "raw/suppliers/sales_data.csv", "Ünïcode & blank+plus%20.pdf"])
def test_a_file_of_no_feed_is_listed_as_unrecognized(pipeline: Pipeline, key: str) -> None:
    pipeline.open(pipeline.put(key, b"?"), sweep=True)
    assert pipeline.query("select feed, object_key, status, finished_at is null from ops.deliveries") == [
        (None, key, "unrecognized", False)
    ]
    assert pipeline.call("next_round", {"run_id": 1, "execution_arn": "x", "round": 1}) == {"deliveries": []}


KEYS = [
    "raw/sales/s3://elsewhere/sales.csv",
    "raw/sales/x:accesspoint/y.csv",
    "raw/sales/sales.csv/",
    "raw/sales//../a b+c%2F%.csv",
    "raw/sales/*[?]😀\n'\"<&>.csv",
    "raw/sales/" + "é" * 507,
]


@pytest.mark.parametrize("key", KEYS, ids=[ascii(key[:30]) for key in KEYS])
def test_an_object_key_may_be_any_text(pipeline: Pipeline, key: str) -> None:
    event = pipeline.put(key, RECORD)
    pipeline.open(sweep=True)
    pipeline.open(event)
    assert pipeline.query(REGISTERED) == [("sales", key, "pending")]
    [(delivery_id,)] = pipeline.query("select delivery_id from ops.deliveries")
    assert pipeline.load(delivery_id)["status"] == "loaded"


def test_a_sweep_makes_a_file_pending_once_a_contract_knows_it(pipeline: Pipeline) -> None:
    pipeline.open(pipeline.put("notes.txt", b"?"))
    pipeline.query("update ops.deliveries set object_key = 'raw/sales/notes.txt'")
    pipeline.s3.copy_object(
        Bucket=pipeline.bucket, Key="lake/x", CopySource={"Bucket": pipeline.bucket, "Key": "notes.txt"}
    )
    pipeline.open(sweep=True)
    assert ("sales", "raw/sales/notes.txt", "pending") in pipeline.query(REGISTERED)


@pytest.mark.parametrize(
    ("stated", "delivered_at"),
    [
        ("2024-05-31T06:00:00Z", "2024-05-31 06:00:00"),
        ("2024-05-31T06:00:00.987+02:00", "2024-05-31 04:00:00"),
        ("2024-05-31 06:00", "2024-05-31 06:00:00"),
        ("2024-05-31", "2024-05-31 00:00:00"),
    ],
)
def test_a_backfill_says_when_it_counts_as_delivered(pipeline: Pipeline, stated: str, delivered_at: str) -> None:
    pipeline.deliver("sales_data.csv", RECORD, delivered_at=stated)
    assert pipeline.query("select delivered_at from ops.deliveries") == [(utc(delivered_at),)]


def test_without_it_the_time_of_the_drop_counts_in_whole_seconds(pipeline: Pipeline) -> None:
    pipeline.deliver("sales_data.csv", RECORD)
    age, fraction = pipeline.query(
        "select (now() at time zone 'utc') - delivered_at, extract(microseconds from delivered_at) % 1000000 "
        "from ops.deliveries"
    )[0]
    assert timedelta(seconds=-1) <= age < timedelta(minutes=5)
    assert fraction == 0


@pytest.mark.parametrize("stated", ["yesterday", "31/05/2024", "2024-13-01", "0001-01-01T00:00:00+23:00"])
def test_a_backfill_with_a_time_that_is_none_fails_clearly(pipeline: Pipeline, stated: str) -> None:
    pipeline.deliver("sales_data.csv", RECORD, delivered_at=stated)
    status, error = pipeline.query("select status, error from ops.deliveries")[0]
    assert status == "failed"
    assert f"delivered-at is '{stated}', which is not an ISO 8601 time -> drop the file again" in error


def test_an_event_of_a_version_that_is_gone_registers_nothing(pipeline: Pipeline) -> None:
    event = pipeline.put("sales_data.csv", RECORD)
    version = event["detail"]["object"]["version-id"]
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="sales_data.csv", VersionId=version)
    assert pipeline.open(event)["outcome"] == "opened"
    assert pipeline.query(REGISTERED) == []


def test_an_event_of_another_shape_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(TerminalError, match="no Object Created event"):
        pipeline.open({"detail": {"state": "RUNNING"}})


def test_a_deleted_object_withdraws_nothing_and_is_not_listed(pipeline: Pipeline) -> None:
    pipeline.open(pipeline.put("sales_data.csv", RECORD))
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="sales_data.csv")
    pipeline.open(sweep=True)
    assert pipeline.query(REGISTERED) == [("sales", "sales_data.csv", "pending")]


def test_the_ledger_is_asked_about_many_versions_at_once(pipeline: Pipeline) -> None:
    pipeline.open(pipeline.put("sales_data.csv", RECORD))
    connection = pipeline.connect()
    known = pipeline.query("select version_id from ops.deliveries")[0][0]
    asked = [ObjectVersion(pipeline.bucket, f"key {number} \"'\\,{{}}", "v") for number in range(1000)]
    with transaction(connection) as cursor:
        found = unregistered(cursor, [*asked, ObjectVersion(pipeline.bucket, "sales_data.csv", known)])
        assert unregistered(cursor, []) == []
    connection.close()
    assert found == asked
