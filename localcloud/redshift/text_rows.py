"""CSV and JSON for COPY, as far as the project needs them: fields by position, or by name in JSON objects."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from localcloud.redshift.parquet_rows import Column
from localcloud.redshift.wire import ServerError

BLOCK_ROWS = 5_000
MISSING = "\\N"


class LoadError(ServerError):
    """A line that does not fit: `line`, `column` and `reason` go into stl_load_errors."""

    def __init__(self, url: str, line: int, column: str, reason: str) -> None:
        super().__init__({"M": "Load into table failed. Check 'stl_load_errors' system table for details."})
        self.url, self.line, self.column, self.reason = url, line, column, reason


def rows(
    file: IO[bytes], url: str, form: str, columns: Sequence[Column], options: Mapping[str, str]
) -> Iterator[bytes]:
    """The rows of a file as CSV for PostgreSQL, in blocks. Raises LoadError for the first line that does not fit."""
    text = io.TextIOWrapper(gzip.GzipFile(fileobj=file) if "gzip" in options else file, "utf-8", newline="")
    records = _json_records(text, url, columns) if form == "json" else _fields(text, url, form, columns, options)
    block: list[str] = []
    line = 0
    try:
        for line, values in records:
            pairs = zip(values, columns, strict=True)
            block.append(_written(_checked(value, column, url, line, options) for value, column in pairs))
            if len(block) == BLOCK_ROWS:
                yield "".join(block).encode()
                block = []
    except (UnicodeDecodeError, OSError, csv.Error) as error:
        raise LoadError(url, line + 1, "", f"Invalid data: {error}") from error
    yield "".join(block).encode()


def _written(values: Iterator[str | None]) -> str:
    """A row as PostgreSQL's CSV has it: null is nothing, everything else is quoted."""
    return ",".join("" if value is None else '"' + value.replace('"', '""') + '"' for value in values) + "\n"


def _checked(value: str | None, column: Column, url: str, line: int, options: Mapping[str, str]) -> str | None:
    if value is None:
        return None
    is_text = column.family.startswith("character")
    empty = not value and ("emptyasnull" in options or not is_text)
    blank = bool(value) and not value.strip() and "blanksasnull" in options
    if value == options.get("null", MISSING) or empty or blank:
        return None
    if column.bytes_allowed is not None and len(value.encode()) > column.bytes_allowed:
        raise LoadError(url, line, column.name, "String length exceeds DDL length")
    return value


def _fields(
    text: io.TextIOWrapper, url: str, form: str, columns: Sequence[Column], options: Mapping[str, str]
) -> Iterator[tuple[int, list[str | None]]]:
    if form == "csv":
        delimiter, quote = options.get("delimiter", ","), options.get("quote", '"')
        reader = csv.reader(text, delimiter=delimiter, quotechar=quote, strict=True)
    else:
        reader = csv.reader(text, delimiter=options.get("delimiter", "|"), quoting=csv.QUOTE_NONE)
    for _ in range(int(options.get("ignoreheader", "0"))):
        next(reader, None)
    for fields in reader:
        if len(fields) > len(columns):
            raise LoadError(url, reader.line_num, "", "Extra column(s) found")
        if len(fields) < len(columns) and "fillrecord" not in options:
            raise LoadError(url, reader.line_num, columns[len(fields)].name, "Delimiter not found")
        yield reader.line_num, [*fields, *[None] * (len(columns) - len(fields))]


def _json_records(
    text: io.TextIOWrapper, url: str, columns: Sequence[Column]
) -> Iterator[tuple[int, list[str | None]]]:
    """Objects one behind the other, or in arrays; a name that is no column is left out, one that is missing is null."""
    decoder = json.JSONDecoder(parse_float=str, parse_int=str)
    content = text.read()
    place, number = 0, 0
    while (place := _behind_blanks(content, place)) < len(content):
        try:
            found, place = decoder.raw_decode(content, place)
        except ValueError as error:
            raise LoadError(url, content.count("\n", 0, place) + 1, "", f"Invalid JSON: {error}") from error
        for record in found if isinstance(found, list) else [found]:
            number += 1
            if not isinstance(record, dict):
                raise LoadError(url, number, "", "Invalid JSON: an object is needed")
            yield number, [_json_value(record.get(column.name)) for column in columns]


def _behind_blanks(content: str, place: int) -> int:
    while place < len(content) and content[place].isspace():
        place += 1
    return place


def _json_value(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)
