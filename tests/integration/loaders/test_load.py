"""What landing one file promises."""

import base64
import gzip
import hashlib
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loaders.database import connect
from loaders.errors import TerminalError, TransientError
from loaders.load import copy
from localcloud.ports import free_port
from tests.integration.loaders.conftest import SALES, Context, Pipeline

COUNTS = ("records_read", "records_loaded", "records_rejected")


def counts(outcome: dict[str, Any]) -> list[int]:
    return [outcome[name] for name in COUNTS]


def test_a_file_lands_as_it_stood_with_its_row_numbers(pipeline: Pipeline) -> None:
    outcome = pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"1,00123,,NA,05/05/2022\n2,,2,1E5, x\n"))

    assert (outcome["status"], counts(outcome)) == ("loaded", [2, 2, 0])
    rows = pipeline.query(
        "select _load_id, _row_number, transaction_id, product_id, quantity, price, transaction_date, _extra "
        "from raw.sales order by _row_number"
    )
    assert rows == [
        (outcome["load_id"], 1, "1", "00123", "", "NA", "05/05/2022", None),
        (outcome["load_id"], 2, "2", "", "2", "1E5", " x", None),
    ]


def test_the_load_tells_content_and_counts(pipeline: Pipeline) -> None:
    body = SALES + b"1,2,3,4,5\n\n2,3\n"
    delivery = pipeline.deliver("raw/sales/a.csv", body)
    outcome = pipeline.load(delivery)

    load = pipeline.query(
        "select load_id, feed, content_sha256, contract_version, records_read, records_loaded, records_rejected, "
        "blank_lines, route from ops.loads"
    )
    sha256 = hashlib.sha256(body).hexdigest()
    assert load == [(outcome["load_id"], "sales", sha256, "1.0.0", 2, 1, 1, 1, "lambda")]
    registered = "select status, load_id, content_sha256, attempts, error, finished_at is null from ops.deliveries"
    assert pipeline.query(registered) == [("loaded", outcome["load_id"], sha256, 1, None, False)]


def test_rejected_records_are_kept_with_their_place_and_those_around_them_land(pipeline: Pipeline) -> None:
    outcome = pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"1,a,b,c,d\nonly\ttwo,\\N\n3,a,b,c,d\nx\n"))

    assert counts(outcome) == [4, 2, 2]
    landed = pipeline.query("select _row_number, transaction_id from raw.sales order by _row_number")
    assert landed == [(1, "1"), (3, "3")]
    rejects = pipeline.query(
        "select load_id, row_number, line_number, byte_offset, raw_start from ops.rejects order by row_number"
    )
    load_id, offset = outcome["load_id"], len(SALES) + len(b"1,a,b,c,d\n")
    assert [(row[0], row[1], row[2], row[3]) for row in rejects] == [
        (load_id, 2, 3, offset),
        (load_id, 4, 5, offset + len(b"only\ttwo,\\N\n3,a,b,c,d\n")),
    ]
    assert base64.b64decode(rejects[0][4]).rstrip() == b"only\ttwo,\\N"


def test_many_rejects_are_written_as_they_come(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy, "REJECT_BYTES", 1000)
    lines = [b"%d,a,b,c,d\n" % number if number % 3 else b"bad,%d\n" % number for number in range(1, 3001)]
    outcome = pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"".join(lines)))

    assert counts(outcome) == [3000, 2000, 1000]
    assert pipeline.query("select count(*), sum(row_number) from ops.rejects") == [(1000, sum(range(3, 3001, 3)))]
    assert pipeline.query("select count(*) from raw.sales where _row_number <> transaction_id::bigint") == [(0,)]


def test_a_large_file_is_numbered_through(pipeline: Pipeline) -> None:
    body = SALES + b"".join(b"%d,a,b,c,2022-12-06\n" % number for number in range(1, 100_001))
    assert counts(pipeline.load(pipeline.deliver("sales_data.csv.gz", gzip.compress(body)))) == [100_000, 100_000, 0]
    assert pipeline.query(
        "select count(*), max(_row_number) from raw.sales where transaction_id = _row_number::text"
    ) == [(100_000, 100_000)]


def test_a_parquet_file_lands_as_text_and_its_rejects_stand_in_no_line(pipeline: Pipeline) -> None:
    columns = {
        "Transaction_ID": pa.array([1, 2, 3]),
        "Price": pa.array([Decimal("1.10"), None, Decimal("-0.01")]),
        "Product_ID": pa.array(["a\\\t\nb", "\0", "\\N"]),
        "Transaction_Date": pa.array([date(2022, 12, 6), None, None]),
    }
    file = BytesIO()
    pq.write_table(pa.table(columns), file)
    outcome = pipeline.load(pipeline.deliver("raw/sales/part-0.snappy.parquet", file.getvalue()))

    assert (outcome["status"], counts(outcome)) == ("loaded", [3, 2, 1])
    rows = pipeline.query(
        "select _row_number, transaction_id, price, product_id, transaction_date, quantity, _extra from raw.sales "
        "order by _row_number"
    )
    assert rows == [
        (1, "1", "1.10", "a\\\t\nb", "2022-12-06", None, None),
        (3, "3", "-0.01", "\\N", None, None, None),
    ]
    rejects = pipeline.query("select row_number, line_number, byte_offset, byte_length, rule from ops.rejects")
    assert rejects == [(2, None, None, None, "nul")]


def test_json_lands_with_its_own_numbers_and_nulls(pipeline: Pipeline) -> None:
    body = b'[{"Currency_Code": "EUR", "Exchange_Rate": 1.10, "Date": null, "note": [1]}, {"Date": "2022-01-01"}]'
    pipeline.load(pipeline.deliver("exchange_rates.json", body))

    rows = pipeline.query(
        "select _row_number, currency_code, exchange_rate, date, _extra from raw.exchange_rates order by _row_number"
    )
    assert rows == [(1, "EUR", "1.10", None, '{"note":[1]}'), (2, None, None, "2022-01-01", None)]


@pytest.mark.parametrize(
    ("key", "body", "message"),
    [
        ("sales_data.csv", b"", "sales_data.csv: "),
        ("sales_data.csv", SALES, "holds no record"),
        ("products.csv", b"Product_ID,Product_Name,Category,Price,Stock_Available\n", "holds no record"),
        ("products.csv", b"Product_ID,Product_Name,Category,Price,Stock_Available\nx\n", "none of its 1 records"),
        ("sales_data.csv", b"\x89PNG\r\n\x1a\n" + bytes(100), "sales_data.csv: "),
        ("customer_data.json", b'[{"Customer_ID": 1}, {', "customer_data.json: "),
    ],
    ids=["empty", "header-only", "full-without-record", "full-all-rejected", "an-image", "cut-off"],
)
def test_a_refused_file_fails_with_its_reason_and_lands_nothing(
    pipeline: Pipeline, key: str, body: bytes, message: str
) -> None:
    delivery = pipeline.deliver(key, body)
    outcome = pipeline.load(delivery)

    assert (outcome["status"], outcome["load_id"], outcome["records_read"]) == ("failed", None, None)
    assert message in outcome["error"]
    assert " -> " in outcome["error"], "it says what to do"
    assert pipeline.query("select status, attempts, error from ops.deliveries") == [("failed", 1, outcome["error"])]
    assert pipeline.query("select count(*) from ops.loads") == [(0,)]
    assert pipeline.query(f"select count(*) from raw.{outcome['feed']}") == [(0,)]


def test_a_delta_file_with_nothing_but_rejects_lands_them(pipeline: Pipeline) -> None:
    assert counts(pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"x\n"))) == [1, 0, 1]


def test_a_version_that_was_deleted_fails(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,5\n")
    version = pipeline.query("select version_id from ops.deliveries")[0][0]
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="sales_data.csv", VersionId=version)

    outcome = pipeline.load(delivery)
    assert outcome["status"] == "failed"
    assert "is gone" in outcome["error"]


def test_the_registered_version_is_read_though_a_newer_one_exists(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", SALES + b"old,2,3,4,5\n")
    pipeline.put("sales_data.csv", SALES + b"new,2,3,4,5\n")
    pipeline.load(delivery)
    assert pipeline.query("select transaction_id from raw.sales") == [("old",)]


def test_too_little_time_stops_cleanly_and_names_the_way_out(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,5\n")
    with pytest.raises(TerminalError, match=r"sales_data.csv: time ran out .* -> give the function more time"):
        pipeline.load(delivery, Context(remaining_milliseconds=5_000))
    assert pipeline.status(delivery) == "pending"
    assert pipeline.load(delivery)["status"] == "loaded"


def test_a_feed_without_contract_asks_for_it(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,5\n")
    pipeline.query("update ops.deliveries set feed = 'retired'")
    with pytest.raises(TerminalError, match="feed retired has no contract"):
        pipeline.load(delivery)


def test_a_database_that_is_away_is_a_transient_error(pipeline: Pipeline) -> None:
    with pytest.raises(TransientError, match="cannot be reached"):
        connect(pipeline.environment | {"DATABASE_SECRET": pipeline.secret(port=free_port())})


def test_a_wrong_password_is_a_terminal_error_that_names_the_secret(pipeline: Pipeline) -> None:
    name = pipeline.secret(password="wrong")
    with pytest.raises(TerminalError, match=f"{name}.*-> check the user and password"):
        connect(pipeline.environment | {"DATABASE_SECRET": name})


def test_a_secret_without_a_host_is_a_terminal_error(pipeline: Pipeline) -> None:
    name = pipeline.secret()
    pipeline.secrets.put_secret_value(SecretId=name, SecretString='{"username": "xtage", "password": "x"}')
    with pytest.raises(TerminalError, match=f"secret {name} is not what it should be"):
        connect(pipeline.environment | {"DATABASE_SECRET": name})


@pytest.mark.parametrize(
    "changes",
    [{"port": 99_999}, {"port": "x"}, {"host": 5}, {"host": "a..b"}, {"password": None}, {"engine": "mysql"}],
    ids=repr,
)
def test_a_secret_with_a_wrong_value_is_a_terminal_error(pipeline: Pipeline, changes: dict[str, Any]) -> None:
    name = pipeline.secret(**changes)
    with pytest.raises(TerminalError, match=f"secret {name} is not what it should be"):
        connect(pipeline.environment | {"DATABASE_SECRET": name})


def test_a_secret_that_does_not_exist_is_a_terminal_error(pipeline: Pipeline) -> None:
    with pytest.raises(TerminalError, match="no such secret"):
        connect(pipeline.environment | {"DATABASE_SECRET": "no such secret"})


def test_a_server_without_tls_is_refused_unless_tls_is_off(pipeline: Pipeline) -> None:
    with pytest.raises(TerminalError, match="has no TLS"):
        connect(pipeline.environment | {"DATABASE_TLS": "verify-full"})


def test_a_database_without_tables_asks_for_the_migrations(pipeline: Pipeline) -> None:
    pipeline.query("drop table ops.deliveries")
    with pytest.raises(TerminalError, match="apply the migrations"):
        pipeline.load(1)


def test_a_connection_that_died_between_two_files_is_opened_again(pipeline: Pipeline) -> None:
    first = pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,5\n")
    second = pipeline.deliver("sales_data_2.csv", SALES + b"2,2,3,4,5\n")
    pipeline.load(first)
    pipeline.query(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where application_name = 'xtage loader' and datname = current_database()"
    )
    assert pipeline.load(second)["status"] == "loaded"


def test_an_unknown_delivery_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(TerminalError, match="there is no delivery 77"):
        pipeline.load(77)
