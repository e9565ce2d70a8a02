r"""Whole blocks of JSON records to COPY text, without a look at their single values unless these are nested.

msgspec checks the syntax and cuts every record into the texts of its values, in the contract's order. Inside its quotes
a JSON string is written as COPY's text format writes it (`\n`, `\t`, `\\` are the same in both), `\"` and `\uXXXX`
excepted; numbers stay untouched. Nested values are made compact one by one. What is left to do is done on whole blocks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec
from msgspec import Raw
from msgspec.structs import astuple

from loaders.contract import MAX_BYTES, Contract
from loaders.parse.json_record import MAX_DEPTH, OPENING, depth_of, quotes_when_encoded
from loaders.parse.runs import has_longer_line

LINES_AT_ONCE = 128
"""The records of more lines do not stay in a processor's cache from one step to the next, and more is done twice where
one is refused."""

ABSENT = b"\0"
"""Stands for a column that a record does not have: no JSON text holds this byte."""

NULL = re.compile(rb"null(?<![^\t\n]null)(?![^\t\n])")
NESTED = re.compile(rb"[{\[](?<![^\t\n].)")
ESCAPED = re.compile(rb'\\(?:["\\]|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4})')
QUOTE = b"\1"
"""Stands for an escaped quote while the quotes around strings are taken away: no JSON string holds this byte."""
QUOTES_SHOWN = bytes.maketrans(QUOTE, b'"')

NOT_PLAIN = OPENING + b'"'
"""How a value begins that may have other texts: numbers and words have one."""

NEGATIVE_ZERO = re.compile(rb"(?<=[\[:,\s])-0(?![.eE\d])")
"""A whole number that Python's int does not keep; every other one it writes as it stood."""

NO_FIELD = re.compile(r'["\\\x00-\x1f]')
"""What msgspec takes in no name of a field: records that have such a name are read one by one."""

REFUSED = (ValueError, msgspec.DecodeError, RecursionError)


class Taken(NamedTuple):
    """Records as COPY text, how many bytes of the block they took, and what each has for `_extra`, if any has."""

    payload: bytes
    records: int
    length: int
    extras: list[bytes | None] = []  # noqa: RUF012 - never changed


NONE = Taken(b"", 0, 0)


class CopyText(NamedTuple):
    """Records as COPY takes them; `extras` is empty where none has anything for `_extra`."""

    payload: bytes
    extras: list[bytes | None]


class Blocks:
    """Reads blocks of one file's records.

    `names` are its names for the contract's columns, by column, and `unknown` the other names it has.
    """

    def __init__(self, contract: Contract, names: Mapping[str, str], unknown: Sequence[str]) -> None:
        columns = [_field(names.get(column.name), column.source_name, column.name) for column in contract.columns]
        unknown = [name for name in unknown if not NO_FIELD.search(name)]
        fields = {f"field_{index}": name for index, name in enumerate([*columns, *unknown])}
        record = msgspec.defstruct(
            "Record",
            [(field, Raw, Raw(ABSENT)) for field in fields],
            rename=fields,
            forbid_unknown_fields=True,
            gc=False,
        )
        self._list = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
        self._decode_line = msgspec.json.Decoder(record).decode
        self._columns, self._fields = len(columns), len(fields)
        self._unknown = [msgspec.json.encode(name) + b":" for name in unknown]
        self._longest = min(column.max_bytes for column in contract.columns)

    def of_list(self, block: bytes) -> Taken:
        """All records of `block`, which has commas between them, or none where any needs a closer look."""
        try:
            block.isascii() or block.decode()
            records = self._list.decode(b"[" + block + b"]")
            text = self._copy_text(block, records)
        except REFUSED:
            return NONE
        return Taken(text.payload, len(records), len(block), text.extras)

    def of_lines(self, block: bytes) -> Taken:
        """The records of the lines in `block`, the last without its LF, up to the first that needs a closer look."""
        lines = _decodable(block).split(b"\n")
        payloads: list[bytes] = []
        extras: list[bytes | None] = []
        taken, step = 0, LINES_AT_ONCE
        while step and taken < len(lines):
            some = lines[taken : taken + step]
            records: list[msgspec.Struct] = []
            with suppress(*REFUSED):
                # What was decoded before the first error stays.
                records += map(self._decode_line, some)
            try:
                text = self._copy_text(b"".join(some[: len(records)]), records)
            except REFUSED:
                # One of these records is refused: it is found by halves.
                step //= 2
                continue
            payloads.append(text.payload)
            extras += text.extras
            taken += len(records)
            if len(records) < len(some):
                break
        length = sum(map(len, lines[:taken])) + taken - 1
        return Taken(b"".join(payloads), taken, length, extras) if taken else NONE

    def _copy_text(self, block: bytes, records: list[msgspec.Struct]) -> CopyText:
        """The records as COPY takes them. Raises ValueError where one needs a closer look.

        That is one that repeats a name, and one with a value that may be too long. A member's name adds two quotes to
        those of the values; a repeated name adds two more, and its first value is missing.
        """
        rows: list[Sequence[Raw]] = [astuple(record) for record in records]
        values = _joined(rows)
        members = len(records) * self._fields - (values.count(ABSENT) if ABSENT in values else 0)
        if block.count(b'"') - values.count(b'"') != 2 * members:
            raise ValueError("a name stands twice in a record")
        extras: list[bytes | None] = []
        if self._unknown:
            extras = [self._extra(row[self._columns :]) for row in rows]
            rows = [row[: self._columns] for row in rows]
            values = _joined(rows)
        if (b"{" in values or b"[" in values) and NESTED.search(values):
            values = _joined([_flat(row) for row in rows])
        if has_longer_line(values, self._longest):
            raise ValueError("a value may be too long")
        if b"null" in values:
            values = NULL.sub(rb"\\N", values)
        values = values.replace(ABSENT, rb"\N")
        if b"\\" in values:
            values = ESCAPED.sub(_unescaped, values)
        return CopyText(values.translate(QUOTES_SHOWN, b'"'), extras)

    def _extra(self, row: Sequence[Raw]) -> bytes | None:
        """The members with unknown names as one JSON object for COPY; null where the record has none of them."""
        members = [
            name + (_compact(value) if value[0] in NOT_PLAIN else value)
            for name, value in zip(self._unknown, map(bytes, row), strict=True)
            if value != ABSENT
        ]
        if not members:
            return None
        extra = b"{" + b",".join(members) + b"}"
        if len(extra) > MAX_BYTES:
            raise ValueError("what is unknown may be too long")
        return extra.replace(b"\\", rb"\\")


def _field(*names: str | None) -> str:
    """The first of a column's names that can be a field's; the last one always can."""
    return next(name for name in names if name is not None and not NO_FIELD.search(name))


def _joined(rows: Iterable[Sequence[Raw | bytes]]) -> bytes:
    return b"".join([b"\t".join(row) + b"\n" for row in rows])


def _flat(row: Sequence[Raw]) -> list[bytes]:
    """The values of a record for COPY, nested ones made compact."""
    return [_nested(value) if value[0] in OPENING else value for value in map(bytes, row)]


def _nested(value: bytes) -> bytes:
    return _compact(value).replace(b"\\", rb"\\").replace(b'"', QUOTE)


def _compact(value: bytes) -> bytes:
    """A string or a nested value as compact JSON, the same as of a record that is read alone.

    Raises ValueError, or what msgspec raises, where it needs a closer look: a repeated name loses two quotes.
    """
    if rb"\u0000" in value or NEGATIVE_ZERO.search(value) or depth_of(value) >= MAX_DEPTH:
        raise ValueError("a nested value needs a closer look")
    compact = msgspec.json.encode(_NESTED_VALUE.decode(value))
    if compact.count(b'"') != quotes_when_encoded(value):
        raise ValueError("a name stands twice in a nested value")
    return compact


def _number(text: str) -> Raw:
    return Raw(text.encode())


_NESTED_VALUE = msgspec.json.Decoder(float_hook=_number)


def _decodable(block: bytes) -> bytes:
    """The lines of the block up to the first that is not UTF-8."""
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError as error:
            return block[: max(block.rfind(b"\n", 0, error.start), 0)]
    return block


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """What stands for it in COPY. Raises ValueError for half a surrogate pair, and for ASCII: it may be special."""
    text = escape[0]
    if text == rb"\"":
        return QUOTE
    if text == rb"\\":
        return text
    character: str = json.loads(b'"' + text + b'"')
    if character.isascii():
        raise ValueError("an ASCII character is escaped")
    return character.encode()
