"""JSON records to what COPY takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from loaders.contract import MAX_BYTES, Contract
from loaders.parse.batch import TEXT_FORMAT, Batch, text_line
from loaders.parse.json_record import Violation
from loaders.parse.names import Names, repeated

LONGEST_CHARACTER = 4


class Rows:
    """Makes rows of one feed's records: the contract's columns in its order, then `_extra`."""

    def __init__(self, contract: Contract) -> None:
        self._names = Names.of(contract)
        self._columns = contract.column_names
        self._limits = [column.max_bytes for column in contract.columns] + [MAX_BYTES]
        self._sources: dict[tuple[str, ...], list[str | None]] = {}
        self.seen: set[str] = set()

    def values(self, members: Mapping[str, Any]) -> list[str | None]:
        """A record's row. Raises Violation where a column comes twice or a value is too long."""
        columns = self._columns_of(tuple(members))
        known: dict[str, Any] = {}
        unknown: dict[str, Any] = {}
        for column, (name, value) in zip(columns, members.items(), strict=True):
            if column is None:
                unknown[name] = value
            else:
                known[column] = value
        row = [text_of(known.get(column)) for column in self._columns]
        row.append(text_of(unknown) if unknown else None)
        self._check_lengths(row)
        return row

    def batch(self, rows: list[list[str | None]], numbers: list[int]) -> Batch:
        """Rows with their row numbers as one batch, which may not be empty."""
        numbered = numbers[-1] - numbers[0] != len(numbers) - 1
        columns = (*self._columns, "_extra")
        if numbered:
            columns = (*columns, "_row_number")
            rows = [[*row, str(number)] for row, number in zip(rows, numbers, strict=True)]
        payload = "".join(map(text_line, rows)).encode()
        return Batch(columns, payload, numbers[0], len(rows), numbered, TEXT_FORMAT)

    def _columns_of(self, names: tuple[str, ...]) -> list[str | None]:
        columns = self._sources.get(names)
        if columns is None:
            columns = self._names.columns(names)
            if (twice := repeated(columns)) is not None:
                raise Violation("duplicate_name", f"two names of the record mean column {twice}")
            self.seen.update(column for column in columns if column is not None)
            if len(self._sources) < 1000:
                self._sources[names] = columns
        return columns

    def _check_lengths(self, row: list[str | None]) -> None:
        for index, value in enumerate(row):
            limit = self._limits[index]
            if value is not None and len(value) * LONGEST_CHARACTER > limit and (length := len(value.encode())) > limit:
                name = (*self._columns, "_extra")[index]
                raise Violation("field_too_long", f"{name} has {length} bytes, {limit} are allowed")


def text_of(value: Any) -> str | None:
    """A JSON value as text: strings as they are, numbers as they stood, nested values as compact JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return msgspec.json.encode(value).decode()
