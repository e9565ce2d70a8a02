"""Takes the records of a nested feed in and writes each as one line of JSON for Spark to flatten.

Spark 3.5 reads numbers as doubles where it is told that they are text, so every value is made text here, with the
digits of the file. The structure stays: objects and arrays are those of the contract, under its names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container
from typing import Any

import msgspec
from msgspec import Raw

from loaders.contract import Contract
from loaders.parse.batch import Lines, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, Buffer
from loaders.parse.json_blocks import NEGATIVE_ZERO, REFUSED
from loaders.parse.json_intake import Block, RecordIntake
from loaders.parse.json_record import MAX_DEPTH, Malformed, Violation, depth_of, parsed, quotes_in
from loaders.parse.json_tree import Record

_ENCODE = msgspec.json.Encoder().encode
_TEXTS = msgspec.json.Decoder(list[Raw])


class NestedIntake(RecordIntake[Lines]):
    """The nested records of one file on their way to JSON Lines."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary) -> None:
        super().__init__(buffer, summary)
        self._record = Record(contract)
        self._key = frozenset(contract.key)
        self._lines: list[bytes] = []
        self._bytes = 0

    @property
    def seen(self) -> Container[str]:
        return self._record.seen

    @property
    def knows_names(self) -> bool:
        return self._record.seen >= self._key

    @property
    def is_full(self) -> bool:
        return self._bytes >= BLOCK_BYTES

    def taken(self) -> Lines | None:
        if not self._lines:
            return None
        lines, self._lines, self._bytes = self._lines, [], 0
        return Lines(b"\n".join([*lines, b""]), len(lines))

    def take_record(self, text: bytes, end: int) -> Reject | None:
        elements: Counter[str] = Counter()
        try:
            members = self._record.converted(parsed(text), elements)
        except Malformed:
            raise
        except Violation as violation:
            return self.reject(end, violation)
        self._add([members], elements)
        self.buffer.advance(end)
        return None

    def take_text(self, block: Block) -> int:
        """Takes all records of the block, or none where any needs a look of its own."""
        elements: Counter[str] = Counter()
        try:
            members = [self._record.converted(record, elements) for record in _decoded(block)]
        except REFUSED:
            # A Violation is a ValueError too.
            return 0
        self._add(members, elements)
        return len(block.text)

    def _add(self, records: list[dict[str, Any]], elements: Counter[str]) -> None:
        first = self._summary.records_read + 1
        lines = [_ENCODE({"_row_number": number, **record}) for number, record in enumerate(records, start=first)]
        self._summary.records_read += len(lines)
        self._summary.records_loaded += len(lines)
        self._summary.elements.update(elements)
        self._lines += lines
        self._bytes += sum(map(len, lines))


def _number(text: str) -> Raw:
    return Raw(text.encode())


_DECODE = msgspec.json.Decoder(float_hook=_number).decode
"""Whole numbers become Python's, which are written as they stood; others keep their text."""


def _decoded(block: Block) -> list[dict[str, Any]]:
    """The records of a block. Raises ValueError, or what msgspec raises, where one needs a closer look.

    That is one with a number or an escape that msgspec does not keep, one that nests deeply, and one that repeats a
    name: it loses two quotes.
    """
    text = block.text
    if rb"\u0000" in text or (b"-0" in text and NEGATIVE_ZERO.search(text)):
        raise ValueError("a value needs a closer look")
    texts = text.split(b"\n") if block.are_lines else list(map(bytes, _TEXTS.decode(b"[" + text + b"]")))
    if any(depth_of(one) > MAX_DEPTH for one in texts):
        raise ValueError("a record may nest too deeply")
    records = [_DECODE(one) for one in texts]
    if not all(type(record) is dict for record in records):
        raise ValueError("a record is no object")
    if quotes_in(_ENCODE(records)) != quotes_in(text):
        raise ValueError("a name may stand twice in an object")
    return records
