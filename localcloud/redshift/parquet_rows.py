"""Parquet for COPY: columns by position, types and byte lengths as strictly as Redshift has them.

https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-copy-from-columnar.html
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from pyarrow import types

from localcloud.redshift.wire import ServerError

BATCH_ROWS = 20_000
_TYPES: dict[str, Callable[[Any], bool]] = {
    "smallint": types.is_int16,
    "integer": types.is_int32,
    "bigint": types.is_int64,
    "real": types.is_float32,
    "double precision": types.is_float64,
    "boolean": types.is_boolean,
    "date": types.is_date32,
    "timestamp without time zone": types.is_timestamp,
    "timestamp with time zone": types.is_timestamp,
    "text": lambda found: types.is_string(found) or types.is_large_string(found),
    "character": lambda found: types.is_string(found) or types.is_large_string(found),
    "character varying": lambda found: types.is_string(found) or types.is_large_string(found),
}


@dataclass(frozen=True)
class Column:
    """A column of the table that is loaded: its name, and its type as PostgreSQL writes it."""

    name: str
    type: str

    @property
    def family(self) -> str:
        """The type without its size."""
        return re.sub(r"\([^)]*\)", "", self.type)

    @property
    def size(self) -> tuple[int, ...]:
        """The numbers in the type's parentheses."""
        found = re.search(r"\(([\d, ]+)\)", self.type)
        return tuple(int(number) for number in found[1].split(",")) if found else ()

    @property
    def bytes_allowed(self) -> int | None:
        """How many bytes a text may have; None for other types."""
        return self.size[0] if self.family.startswith("character") and self.size else None


def rows(file: IO[bytes], url: str, columns: Sequence[Column], options: Sequence[str]) -> Iterator[bytes]:
    """The rows of a file as CSV for PostgreSQL, in blocks. Raises ServerError for a file that does not fit."""
    try:
        # INT96 holds any day, nanoseconds only those from 1677 to 2262: others would come out as one of those.
        parquet = pq.ParquetFile(file, coerce_int96_timestamp_unit="us")
    except pa.ArrowException as error:
        raise ServerError({"M": f"Spectrum Scan Error. File '{url}' is not valid Parquet: {error}"}) from error
    _check_schema(parquet.schema_arrow, url, columns, options)
    for batch in parquet.iter_batches(BATCH_ROWS):
        arrays = [_checked(array, column, url) for array, column in zip(batch.columns, columns, strict=False)]
        arrays += [pa.nulls(batch.num_rows, pa.string()) for _ in columns[len(arrays) :]]
        block = io.BytesIO()
        written = pa_csv.WriteOptions(include_header=False, quoting_style="all_valid")
        pa_csv.write_csv(pa.table(arrays, names=[str(number) for number in range(len(arrays))]), block, written)
        yield block.getvalue()


def _check_schema(schema: Any, url: str, columns: Sequence[Column], options: Sequence[str]) -> None:
    fewer = len(schema) < len(columns) and "fillrecord" in options
    if len(schema) != len(columns) and not fewer:
        counts = f"Table columns: {len(columns)}, Data columns: {len(schema)}, File name: {url}"
        raise ServerError({"M": f"Unmatched number of columns between table and file. {counts}"})
    for place, (column, field) in enumerate(zip(columns, schema, strict=False)):
        if not _fits(column, field.type, "serializetojson" in options):
            where = f"column '{field.name}' (number {place + 1}, {column.name} in the table)"
            message = f"File '{url}' has an incompatible Parquet schema for {where}. "
            message += f"Column type: {column.type}, Parquet schema: {field.type}"
            raise ServerError({"M": f"Spectrum Scan Error. {message}"})


def _fits(column: Column, found: Any, serialize: bool) -> bool:
    if types.is_dictionary(found):
        found = found.value_type
    if column.family == "numeric":
        return types.is_decimal(found) and (found.precision, found.scale) == column.size
    if column.family == "jsonb":
        return serialize and types.is_nested(found)
    fits = _TYPES.get(column.family)
    return fits is not None and fits(found)


def _checked(array: Any, column: Column, url: str) -> Any:
    """The values, after a look at their bytes; nested ones as JSON."""
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if types.is_nested(array.type):
        texts = [None if value is None else json.dumps(value, default=str) for value in array.to_pylist()]
        return pa.array(texts, pa.string())
    if column.bytes_allowed is not None and len(array):
        longest = pc.max(pc.binary_length(array)).as_py()
        if longest is not None and longest > column.bytes_allowed:
            lengths = f"Table: {column.bytes_allowed}, Data: {longest}, File name: {url}"
            message = f"The length of the data column {column.name} is longer than the length defined in the table. "
            raise ServerError({"C": "22001", "M": message + lengths})
    return array
