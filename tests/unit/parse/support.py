"""Contracts to read with, and a plain reading of what the loader would send to COPY."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from loaders.contract import Column, Contract, Freshness
from loaders.errors import DataError
from loaders.parse import Batch, Reject, Summary, read

LOAD_ID = 17
ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def make_contract(
    columns: str = "id name note", key: str = "id", limits: dict[str, int] | None = None, **values: Any
) -> Contract:
    """A contract with text columns; a column's name in the file is its name with a capital letter."""
    return Contract(
        feed="things",
        version="1.0.0",
        description="",
        owner="",
        key=tuple(key.split()),
        columns=tuple(
            Column(
                name=name,
                source_name=name.title(),
                type="string",
                data_type="text",
                description="",
                max_bytes=(limits or {}).get(name, 65_535),
            )
            for name in columns.split()
        ),
        delivery="delta",
        on_rewrite="add",
        file_patterns=("things*",),
        freshness=Freshness(24, 48),
        **values,
    )


@dataclass
class Outcome:
    """What became of a file. `rows`: row number and the values of the contract's columns, then `_extra`."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    error: str | None = None

    @property
    def values(self) -> list[tuple[Any, ...]]:
        return [row[1:] for row in self.rows]

    @property
    def rules(self) -> list[tuple[int, str]]:
        return [(reject.row_number, reject.rule) for reject in self.rejects]


class Trickle:
    """A stream that gives a few bytes at a time, as a network does."""

    def __init__(self, data: bytes, size: int) -> None:
        self._stream = io.BytesIO(data)
        self._size = size

    def read(self, size: int, /) -> bytes:
        return self._stream.read(min(size, self._size))


def outcome(data: bytes, name: str = "things.csv", contract: Contract | None = None, trickle: int = 1 << 30) -> Outcome:
    contract = contract or make_contract()
    result = Outcome()
    stream = Trickle(data, trickle)
    reader = read(stream, name, contract, LOAD_ID)
    try:
        for part in reader:
            if isinstance(part, Reject):
                result.rejects.append(part)
            else:
                result.rows += sorted_columns(part, contract)
        assert stream.read(1) == b"", "the file was not read to its end"
    except DataError as error:
        result.error = str(error)
    result.summary = reader.summary
    result.rows.sort()
    return result


def sorted_columns(batch: Batch, contract: Contract) -> Iterator[tuple[Any, ...]]:
    """A batch's rows with their numbers, in the contract's order; null for a column that the batch does not have."""
    rows = list(copied(batch))
    assert len(rows) == batch.records
    for row in rows:
        assert len(row) == len(batch.columns)
        values = dict(zip(batch.columns, row, strict=True))
        assert values["_load_id"] == str(LOAD_ID)
        yield (int(values["_row_number"] or 0), *(values.get(name) for name in (*contract.column_names, "_extra")))


def copied(batch: Batch) -> Iterator[list[str | None]]:
    """What PostgreSQL's COPY makes of a payload."""
    text = batch.payload.decode()
    options = batch.format.options
    if options.startswith("FORMAT text"):
        assert text.endswith("\n")
        for line in text[:-1].split("\n"):
            yield [None if value == r"\N" else unescaped(value) for value in line.split("\t")]
        return
    delimiter = re.search("DELIMITER '(.)'", options)
    assert delimiter
    assert "\\." not in re.sub('"[^"]*"', "", text).split("\n"), "COPY would take this for the end of its data"
    csv.field_size_limit(1 << 30)
    yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter[1], strict=True)  # type: ignore[misc]


def unescaped(value: str) -> str:
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), value, flags=re.DOTALL)


@contextmanager
def blocks_of(size: int) -> Iterator[None]:
    """Read in blocks of `size` bytes, so that a small file has many."""
    names = [
        "buffer.BLOCK_BYTES",
        "csv_reader.BLOCK_BYTES",
        "json_intake.BLOCK_BYTES",
        "json_batches.BLOCK_BYTES",
        "json_lexer.BLOCK_BYTES",
    ]
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(patch(f"loaders.parse.{name}", size))
        stack.enter_context(patch("loaders.parse.csv_reader.PIECE_BYTES", (max(size // 4, 1), max(size // 16, 1))))
        stack.enter_context(patch("loaders.parse.json_intake.SMALLEST_BLOCK", max(size // 8, 1)))
        yield
