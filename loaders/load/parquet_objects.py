"""Rows that PostgreSQL sends, written to S3 as Parquet objects that Redshift's COPY takes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GROUP_BYTES = 8 << 20
"""Text of one row group: what is held in memory, two or three times over, while it is made."""
OBJECT_BYTES = 128 << 20
"""Text of one object. A COPY reads the objects of its manifest side by side; compressed they are a fraction of this."""

TYPES: Mapping[str, pa.DataType] = {
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "timestamp without time zone": pa.timestamp("us"),
}
"""By the names of the information schema; all else is text."""


@dataclass(frozen=True)
class StoredObject:
    """One object that was written, and how many rows it holds."""

    url: str
    bytes: int
    rows: int


class ParquetObjects:
    """Takes the rows of `copy ... to stdout with (format csv)` as the driver's output stream, one row at a time.

    `columns` are the names and SQL types of the rows' columns, in their order. Memory is bounded by GROUP_BYTES and
    one compressed object, whatever the number of rows.
    """

    def __init__(self, s3: S3Client, bucket: str, prefix: str, columns: Mapping[str, str]) -> None:
        self.written: list[StoredObject] = []
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._schema = pa.schema([(name, TYPES.get(kind, pa.string())) for name, kind in columns.items()])
        self._rows: list[bytes] = []
        self._group_bytes = 0
        self._object = _OpenObject(self._schema)

    def write(self, row: bytes) -> None:
        """One row with its line end; the server sends each in a message of its own."""
        self._rows.append(row)
        self._group_bytes += len(row)
        if self._group_bytes >= GROUP_BYTES:
            self._end_group()

    def finish(self) -> list[StoredObject]:
        """Writes what is left; returns every object, none for no rows."""
        self._end_group()
        self._store()
        return self.written

    def _end_group(self) -> None:
        if self._rows:
            self._object.add(_table(b"".join(self._rows), self._schema), self._group_bytes)
        self._rows, self._group_bytes = [], 0
        if self._object.text_bytes >= OBJECT_BYTES:
            self._store()

    def _store(self) -> None:
        if not self._object.rows:
            return
        body, rows = self._object.finished(), self._object.rows
        key = f"{self._prefix}/{len(self.written):05}.parquet"
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=body)
        self.written.append(StoredObject(f"s3://{self._bucket}/{key}", len(body), rows))
        self._object = _OpenObject(self._schema)


class _OpenObject:
    """A Parquet file that is being put together in memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = 0
        self.text_bytes = 0
        self._buffer = BytesIO()
        # As awswrangler writes for Redshift: snappy, and timestamps as INT96, which its COPY has always taken.
        self._writer = pq.ParquetWriter(
            self._buffer, schema, compression="snappy", use_deprecated_int96_timestamps=True
        )

    def add(self, table: pa.Table, text_bytes: int) -> None:
        self._writer.write_table(table)
        self.rows += table.num_rows
        self.text_bytes += text_bytes

    def finished(self) -> bytes:
        self._writer.close()
        return self._buffer.getvalue()


def _table(text: bytes, schema: pa.Schema) -> pa.Table:
    """PostgreSQL's CSV: null is nothing at all between the delimiters, an empty text is `""`."""
    return pc.read_csv(
        pa.BufferReader(text),
        read_options=pc.ReadOptions(column_names=schema.names, use_threads=False, block_size=len(text) + 1),
        parse_options=pc.ParseOptions(newlines_in_values=True),
        convert_options=pc.ConvertOptions(
            column_types=schema, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    )


def manifest(objects: list[StoredObject]) -> bytes:
    """What COPY reads instead of listing a prefix; the length is required for Parquet.

    https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html
    """
    entries = [{"url": one.url, "mandatory": True, "meta": {"content_length": one.bytes}} for one in objects]
    return json.dumps({"entries": entries}).encode()
