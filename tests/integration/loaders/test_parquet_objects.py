"""What PostgreSQL sends reaches S3 as Parquet, value for value, in bounded pieces."""

import io
import json
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loaders.load import parquet_objects
from loaders.load.parquet_objects import ParquetObjects, StoredObject, manifest
from tests.integration.loaders.conftest import Pipeline

COLUMNS = {
    "text": "character varying",
    "other": "character varying",
    "small": "integer",
    "large": "bigint",
    "at": "timestamp without time zone",
}
HOSTILE = [
    "", " ", '"', '""', ",", ",,\n,", "\r", "\r\n", "a\nb", "\\N", "\\.", "null", "NULL", "NA", "nan", "1e5", "007",
    "true", "'", "é", "日本語", "😀", "\t", "\x01", "\x7f", "\u2028", "\x85", "2022-01-01",
    "x" * 65_535, '"' * 65_535, "é" * 32_767,
]  # fmt: skip


def written(pipeline: Pipeline, rows: list[tuple[Any, ...]]) -> tuple[list[StoredObject], list[tuple[Any, ...]]]:
    """The objects for the rows of a table, and the rows as they are read back from S3."""
    connection = pipeline.connect()
    cursor = connection.cursor()
    cursor.execute(
        "create temp table rows (text text, other text, small integer, large bigint, at timestamp, place int)"
    )
    for place, row in enumerate(rows):
        cursor.execute("insert into rows values (%s, %s, %s, %s, %s, %s)", (*row, place))
    objects = ParquetObjects(pipeline.s3, pipeline.bucket, "work/redshift/test", COLUMNS)
    query = f"select {', '.join(COLUMNS)} from rows order by place"
    cursor.execute(f"copy ({query}) to stdout with (format csv)", stream=objects)
    stored = objects.finish()
    connection.close()
    return stored, [row for one in stored for row in read(pipeline, one)]


def read(pipeline: Pipeline, stored: StoredObject) -> list[tuple[Any, ...]]:
    key = stored.url.removeprefix(f"s3://{pipeline.bucket}/")
    body = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=key)["Body"].read()
    assert len(body) == stored.bytes
    table = pq.read_table(io.BytesIO(body), coerce_int96_timestamp_unit="us")
    kinds = [pa.string(), pa.string(), pa.int32(), pa.int64(), pa.timestamp("us")]
    assert [field.type for field in table.schema] == kinds
    assert table.num_rows == stored.rows
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def test_every_value_arrives_as_it_stands(pipeline: Pipeline) -> None:
    moments = [datetime(2024, 1, 1), datetime(1999, 12, 31, 23, 59, 59, 999_999), None]
    rows = [
        (text, None if place % 3 else text, place % 2 or None, -(1 << 63) + place, moments[place % 3])
        for place, text in enumerate([*HOSTILE, None])
    ]
    stored, found = written(pipeline, rows)
    assert len(stored) == 1
    assert found == rows


def test_no_rows_make_no_object(pipeline: Pipeline) -> None:
    assert written(pipeline, []) == ([], [])


def test_many_rows_are_cut_into_groups_and_objects(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_objects, "GROUP_BYTES", 1 << 10)
    monkeypatch.setattr(parquet_objects, "OBJECT_BYTES", 1 << 11)
    rows = [(f"row {number}\n", "", number, number, None) for number in range(500)]
    stored, found = written(pipeline, rows)
    assert found == rows
    assert len(stored) > 3
    entries = json.loads(manifest(stored))["entries"]
    assert [entry["url"] for entry in entries] == [one.url for one in stored]
    assert all(entry["mandatory"] and entry["meta"]["content_length"] > 0 for entry in entries)
