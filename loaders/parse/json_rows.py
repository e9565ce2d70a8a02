"""JSON records, one by one, to COPY text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from loaders.contract import MAX_BYTES, Contract
from loaders.parse.batch import text_line
from loaders.parse.json_record import Violation
from loaders.parse.names import Names, repeated

REMEMBERED_SHAPES = 1000
REMEMBERED_NAMES = 64
"""Names the contract does not know. A file that has more of them has data for names."""


class Row(NamedTuple):
    """One line of COPY text without its end, and what the contract does not know as a JSON object, escaped for COPY."""

    line: bytes
    extra: bytes | None


class Rows:
    """Makes rows of one feed's records.

    `seen` collects the file's names of the contract's columns, by column, and `unknown` the others, in the order in
    which they appear: so they stand in `_extra`.
    """

    def __init__(self, contract: Contract) -> None:
        self._names = Names.of(contract)
        self._columns = contract.column_names
        self._limits = tuple(column.max_bytes for column in contract.columns)
        self._shapes: dict[tuple[str, ...], list[str | None]] = {}
        self.seen: dict[str, str] = {}
        self.unknown: list[str] = []

    def row(self, members: Mapping[str, Any]) -> Row:
        """A record's row. Raises Violation where two names mean one column, or a value is too long."""
        columns = self._shape(tuple(members))
        known = {column: value for column, value in zip(columns, members.values(), strict=True) if column is not None}
        values = [text_of(known.get(column)) for column in self._columns]
        for column, limit, value in zip(self._columns, self._limits, values, strict=True):
            require_length(column, limit, value)
        line = text_line(values)[:-1].encode()
        if len(known) == len(members):
            return Row(line, None)
        rest = {name: members[name] for column, name in zip(columns, members, strict=True) if column is None}
        extra = text_of({name: rest.pop(name) for name in self.unknown if name in rest} | rest)
        require_length("_extra", MAX_BYTES, extra)
        return Row(line, text_line([extra])[:-1].encode())

    def _shape(self, names: tuple[str, ...]) -> list[str | None]:
        """The column of each name of a record."""
        columns = self._shapes.get(names)
        if columns is None:
            columns = self._names.columns(names)
            if (twice := repeated(columns)) is not None:
                raise Violation("duplicate_name", f"two names of the record mean column {twice}")
            self.seen |= {column: name for column, name in zip(columns, names, strict=True) if column is not None}
            new = [
                name for column, name in zip(columns, names, strict=True) if column is None if name not in self.unknown
            ]
            self.unknown += new[: REMEMBERED_NAMES - len(self.unknown)]
            if len(self._shapes) < REMEMBERED_SHAPES:
                self._shapes[names] = columns
        return columns


def text_of(value: Any) -> str | None:
    """A JSON value as text: strings as they are, numbers as they stood, nested values as compact JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode()
    return msgspec.json.encode(value).decode()


def require_length(column: str, limit: int, value: str | None) -> None:
    """Raises Violation for a text of more bytes than its column may have."""
    # No character has more than four bytes.
    if value is not None and len(value) * 4 > limit and (length := len(value.encode())) > limit:
        raise Violation("field_too_long", f"has {length} bytes, {limit} are allowed", column)
