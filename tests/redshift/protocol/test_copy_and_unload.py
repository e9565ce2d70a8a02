"""COPY and UNLOAD, with Redshift's checks: credentials, manifests, Parquet by position and type, byte lengths."""

import io
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.redshift.endpoint import Endpoint
from tests.redshift.protocol.queries import refusal, rows

SCHEMA = pa.schema([("one", pa.int32()), ("two", pa.string()), ("three", pa.decimal128(10, 2))])
Put = Callable[[str, Any], int]


@pytest.fixture
def put(endpoint: Endpoint, prefix: str) -> Put:
    """Puts a Parquet table or bytes under the test's prefix; gives the size."""

    def to_s3(name: str, content: Any) -> int:
        if isinstance(content, pa.Table):
            file = io.BytesIO()
            pq.write_table(content, file)
            content = file.getvalue()
        endpoint.s3().put_object(Bucket=endpoint.bucket, Key=f"{prefix}{name}", Body=content)
        return len(content)

    return to_s3


@pytest.fixture
def table(connection: Any, schema: str) -> str:
    """An empty table (a integer, b varchar(4), c numeric(10, 2))."""
    name = f"{schema}.copied"
    rows(connection, f"drop table if exists {name}")
    rows(connection, f"create table {name} (a integer, b varchar(4), c numeric(10, 2))")
    return name


def arrow(records: list[Mapping[str, Any]], schema: pa.Schema = SCHEMA) -> pa.Table:
    return pa.Table.from_pylist(records, schema)


def copy(endpoint: Endpoint, table: str, key: str, options: str = "format as parquet") -> str:
    return f"copy {table} from 's3://{endpoint.bucket}/{key}' iam_role '{endpoint.role}' {options}"


ROW = {"one": 1, "two": 'é,"', "three": Decimal("1.50")}


def test_parquet_lands_by_position_with_every_value(
    endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put
) -> None:
    put("1.parquet", arrow([ROW, {"one": None, "two": "", "three": None}]))
    put("2.parquet", arrow([{"one": 2, "two": None, "three": Decimal("-0.01")}]))
    rows(connection, copy(endpoint, table, prefix))
    assert sorted(rows(connection, f"select * from {table}"), key=str) == sorted(
        [[1, 'é,"', Decimal("1.50")], [None, "", None], [2, None, Decimal("-0.01")]], key=str
    )
    assert rows(connection, "select pg_last_copy_count()") == [[3]]


def test_a_copy_that_is_rolled_back_leaves_nothing(endpoint: Endpoint, table: str, prefix: str, put: Put) -> None:
    put("1.parquet", arrow([ROW]))
    connection = endpoint.connect()
    rows(connection, copy(endpoint, table, prefix))
    assert rows(connection, f"select count(*) from {table}") == [[1]]
    connection.rollback()
    assert rows(connection, f"select count(*) from {table}") == [[0]]
    connection.close()


def test_the_same_copy_statement_can_run_again_in_a_session(
    endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put
) -> None:
    put("1.parquet", arrow([ROW]))
    for count in (1, 2):
        rows(connection, copy(endpoint, table, prefix))
        assert rows(connection, f"select count(*) from {table}") == [[count]]


WIDE_ID = SCHEMA.set(0, pa.field("one", pa.int64()))
ONE_DIGIT = SCHEMA.set(2, pa.field("three", pa.decimal128(10, 1)))
WRONG_FILES = {
    "a type that is not the column's": (arrow([ROW], WIDE_ID), "incompatible Parquet schema"),
    "a scale that is not the column's": (arrow([ROW], ONE_DIGIT), "incompatible Parquet schema"),
    "a column too few": (arrow([ROW], pa.schema(list(SCHEMA)[:2])), "Unmatched number of columns"),
    "more bytes than the column has": (arrow([{**ROW, "two": "ééa"}]), "longer than the length defined in the table"),
    "no Parquet": (b"PAR?", "Parquet"),
}


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_does_not_fit_is_refused_whole(
    endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put, case: str
) -> None:
    content, told = WRONG_FILES[case]
    put("1.parquet", arrow([ROW]))
    put("2.parquet", content)
    fields = refusal(connection, copy(endpoint, table, prefix))
    assert told in fields["M"] or endpoint.harness is None
    assert rows(connection, f"select count(*) from {table}") == [[0]]


def test_not_null_holds_for_a_copied_row(
    endpoint: Endpoint, connection: Any, schema: str, prefix: str, put: Put
) -> None:
    rows(connection, f"create table {schema}.required (a integer not null, b varchar(9), c numeric(10, 2))")
    put("1.parquet", arrow([{**ROW, "one": None}]))
    refusal(connection, copy(endpoint, f"{schema}.required", prefix))
    assert rows(connection, f"select count(*) from {schema}.required") == [[0]]


def test_credentials_are_required(endpoint: Endpoint, connection: Any, table: str, prefix: str) -> None:
    fields = refusal(connection, f"copy {table} from 's3://{endpoint.bucket}/{prefix}' format as parquet")
    assert "credentials" in fields["M"].lower()
    refusal(connection, f"copy {table} from 's3://{endpoint.bucket}/{prefix}' iam_role 'nobody' format as parquet")


def test_nothing_to_copy_is_an_error(endpoint: Endpoint, connection: Any, table: str, prefix: str) -> None:
    assert "does not exist" in refusal(connection, copy(endpoint, table, f"{prefix}none"))["M"]
    missing = copy(endpoint, table, "k").replace(endpoint.bucket, "xtage-no-such-bucket-7f3a")
    assert "NoSuchBucket" in refusal(connection, missing)["M"]


def test_an_option_that_is_not_carried_out_is_refused(
    harness: Endpoint, connection: Any, table: str, prefix: str
) -> None:
    fields = refusal(connection, copy(harness, table, prefix, "format as parquet maxerror 10"))
    assert "maxerror" in fields["M"]


def manifest(endpoint: Endpoint, put: Put, prefix: str, entries: list[dict[str, Any]]) -> str:
    named = [{**entry, "url": f"s3://{endpoint.bucket}/{prefix}{entry['url']}"} for entry in entries]
    put("files.manifest", json.dumps({"entries": named}).encode())
    return f"{prefix}files.manifest"


def test_a_manifest_names_the_files_and_no_other_is_read(
    endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put
) -> None:
    size = put("1.parquet", arrow([ROW]))
    put("2.parquet", arrow([ROW]))
    key = manifest(
        endpoint,
        put,
        prefix,
        [
            {"url": "1.parquet", "mandatory": True, "meta": {"content_length": size}},
            {"url": "never.parquet", "mandatory": False, "meta": {"content_length": 1}},
        ],
    )
    rows(connection, copy(endpoint, table, key, "format as parquet manifest"))
    assert rows(connection, f"select count(*) from {table}") == [[1]]


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "never.parquet", "mandatory": True, "meta": {"content_length": 1}},
        {"url": "1.parquet", "mandatory": True},
        {"url": "1.parquet", "mandatory": True, "meta": {"content_length": 1}},
    ],
    ids=["a mandatory file is missing", "no content_length", "another content_length"],
)
def test_a_manifest_that_is_wrong_loads_nothing(
    endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put, entry: dict[str, Any]
) -> None:
    put("1.parquet", arrow([ROW]))
    key = manifest(endpoint, put, prefix, [entry])
    refusal(connection, copy(endpoint, table, key, "format as parquet manifest"))
    assert rows(connection, f"select count(*) from {table}") == [[0]]


def test_csv_lands_with_its_quotes_empty_fields_and_nulls(
    endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put
) -> None:
    put("1.csv", b'h1,h2,h3\n5,"x,""",2.5\n6,,\n7,\\N,1\n')
    rows(connection, copy(endpoint, table, prefix, "csv ignoreheader 1"))
    assert sorted(rows(connection, f"select * from {table}")) == [
        [5, 'x,"', Decimal("2.50")],
        [6, "", None],
        [7, None, Decimal("1.00")],
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [("5,ééé,1", "String length exceeds DDL length"), ("5,a", "Delimiter not found"), ("5,a,1,2", "Extra column")],
    ids=["too many bytes", "a field too few", "a field too many"],
)
def test_a_csv_line_that_does_not_fit_is_told_in_stl_load_errors(
    endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put, line: str, reason: str
) -> None:
    put("1.csv", f"1,a,1\n{line}\n".encode())
    assert "stl_load_errors" in refusal(connection, copy(endpoint, table, prefix, "csv"))["M"]
    assert rows(connection, f"select count(*) from {table}") == [[0]]
    sql = f"select line_number, trim(err_reason) from stl_load_errors where trim(filename) like '%{prefix}1.csv'"
    found = rows(connection, sql)
    assert len(found) == 1
    assert found[0][0] == 2
    assert reason in found[0][1]


def test_json_lands_by_name(endpoint: Endpoint, connection: Any, table: str, prefix: str, put: Put) -> None:
    put("1.json", b'{"a": 7, "b": "q", "zzz": 1}\n{"c": 1.25, "a": 8}')
    rows(connection, copy(endpoint, table, prefix, "json 'auto'"))
    assert sorted(rows(connection, f"select * from {table}")) == [[7, "q", None], [8, None, Decimal("1.25")]]


def test_unloaded_parquet_has_the_types_of_the_query(endpoint: Endpoint, connection: Any, prefix: str) -> None:
    query = (
        "select 1::bigint as a, 2.5::numeric(10, 2) as b, true as c, date ''2024-01-01'' as d, "
        "timestamp ''2024-01-01 10:00:00'' as e, null::int as f, ''é,\"'' as g"
    )
    sql = f"unload ('{query}') to 's3://{endpoint.bucket}/{prefix}out_' iam_role '{endpoint.role}' format parquet"
    rows(connection, sql)
    keys = [one["Key"] for one in endpoint.s3().list_objects_v2(Bucket=endpoint.bucket, Prefix=prefix)["Contents"]]
    assert len(keys) == 1
    body = endpoint.s3().get_object(Bucket=endpoint.bucket, Key=keys[0])["Body"].read()
    found = pq.read_table(io.BytesIO(body))
    assert found.to_pylist() == [
        {
            "a": 1,
            "b": Decimal("2.50"),
            "c": True,
            "d": date(2024, 1, 1),
            "e": datetime(2024, 1, 1, 10),
            "f": None,
            "g": 'é,"',
        }
    ]
    assert "not empty" in refusal(connection, sql)["M"]
    rows(connection, f"{sql} allowoverwrite")


def test_a_query_in_unload_is_refused_like_any_other(endpoint: Endpoint, connection: Any, prefix: str) -> None:
    sql = "unload ('select string_agg(a, '','') from t') "
    fields = refusal(connection, f"{sql} to 's3://{endpoint.bucket}/{prefix}' iam_role '{endpoint.role}' format csv")
    assert "string_agg" in fields["M"]
