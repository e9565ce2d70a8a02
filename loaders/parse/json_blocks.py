r"""Whole blocks of flat JSON records to COPY text, without a look at their single values.

msgspec checks the syntax and cuts every record into the texts of its values, in the contract's order. Inside its quotes
a JSON string is written as COPY's text format writes it (`\n`, `\t`, `\\` are the same in both), `\"` and `\uXXXX`
excepted; numbers stay untouched. What is left to do is done on whole blocks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import msgspec
from msgspec import Raw
from msgspec.structs import astuple

from loaders.contract import Contract

ABSENT = b"\0"
"""Stands for a column that a record does not have: no JSON text holds this byte."""

NULL = re.compile(rb"null(?<![^\t\n]null)(?![^\t\n])")
NESTED = re.compile(rb"[{\[](?<![^\t\n].)")
UNICODE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
QUOTE, BACKSLASH = b"\1", b"\2"
"""Stand-ins for what is escaped, while the quotes around strings are taken away: no JSON string holds these bytes."""


class Blocks:
    """Reads blocks of one file's records, whose names for the contract's columns are `names` (by column)."""

    def __init__(self, contract: Contract, names: Mapping[str, str]) -> None:
        fields = {f"field_{index}": names.get(c.name, c.source_name) for index, c in enumerate(contract.columns)}
        record = msgspec.defstruct(
            "Record",
            [(field, Raw, Raw(ABSENT)) for field in fields],
            rename=fields,
            forbid_unknown_fields=True,
            gc=False,
        )
        self._records = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]
        self._columns = len(fields)
        self._longest = min(column.max_bytes for column in contract.columns)

    def lines(self, block: bytes) -> list[bytes] | None:
        """COPY text, line by line, for records with commas between them; null where they need a closer look."""
        try:
            block = UNICODE.sub(_character, block) if b"\\u" in block else block
            block.isascii() or block.decode()
            records = self._records.decode(b"[" + block + b"]")
        except (ValueError, msgspec.DecodeError, RecursionError):
            return None
        values = b"\n".join([b"\t".join(astuple(record)) for record in records])
        if not records or self._has_repeated_name(block, values, len(records)) or NESTED.search(values):
            return None
        lines = _unquoted(values).split(b"\n")
        return lines if max(map(len, lines)) <= self._longest else None

    def _has_repeated_name(self, block: bytes, values: bytes, records: int) -> bool:
        """Whether the block may have more names than its records have members. A quote and a colon end every name."""
        names = block.translate(None, b" \t\r\n").count(b'":')
        return names != records * self._columns - values.count(ABSENT)


def _unquoted(values: bytes) -> bytes:
    if b"null" in values:
        values = NULL.sub(rb"\\N", values)
    nulls_marked = values.replace(ABSENT, rb"\N")
    if b"\\" not in nulls_marked:
        return nulls_marked.translate(None, b'"')
    hidden = nulls_marked.replace(rb"\\", BACKSLASH).replace(rb"\"", QUOTE)
    return hidden.translate(None, b'"').replace(QUOTE, b'"').replace(BACKSLASH, rb"\\")


def _character(escape: re.Match[bytes]) -> bytes:
    """The character of `\\uXXXX`. Raises ValueError for half a surrogate pair, and for ASCII: it may be special."""
    text = escape[0]
    if not text.startswith(rb"\u"):
        return text
    character: str = json.loads(b'"' + text + b'"')
    if character.isascii():
        raise ValueError
    return character.encode()
