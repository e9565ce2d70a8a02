"""Takes in the records of a feed whose contract nests: as lines of JSON for Spark, or as rows where nothing repeats.

Spark 3.5 reads numbers as doubles where it is told that they are text, so every value is made text here, with the
digits of the file. In the lines the structure stays: objects and arrays are those of the contract, under its names.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Container
from typing import Any, cast

import msgspec
from msgspec import Raw

from loaders.contract import Contract
from loaders.parse.batch import Batch, Lines, Reject, Summary, text_line
from loaders.parse.buffer import BLOCK_BYTES, Buffer
from loaders.parse.json_batches import Batches
from loaders.parse.json_blocks import NEGATIVE_ZERO, REFUSED
from loaders.parse.json_intake import Block, Piece, RecordIntake
from loaders.parse.json_record import MAX_DEPTH, Malformed, Violation, depth_of, parsed, quotes_when_encoded
from loaders.parse.json_rows import Row
from loaders.parse.json_tree import EXTRA, Record

_ENCODE = msgspec.json.Encoder().encode
_TEXTS = msgspec.json.Decoder(list[Raw])


class TreeIntake(RecordIntake[Piece]):
    """The records of one file as the contract's tree sees them."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary) -> None:
        super().__init__(buffer, summary)
        self._record = Record(contract)
        self._key = frozenset(contract.key)

    @property
    def seen(self) -> Container[str]:
        return self._record.seen

    @property
    def knows_names(self) -> bool:
        return self._record.seen >= self._key

    @abstractmethod
    def _add(self, records: list[dict[str, Any]], elements: Counter[str]) -> None:
        """Collect accepted records, with the elements of their arrays, and count them."""

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


class NestedIntake(TreeIntake[Lines]):
    """Records with arrays on their way to JSON Lines."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary) -> None:
        super().__init__(buffer, contract, summary)
        self._lines: list[bytes] = []
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self._bytes >= BLOCK_BYTES

    def taken(self) -> Lines | None:
        if not self._lines:
            return None
        lines, self._lines, self._bytes = self._lines, [], 0
        return Lines(b"\n".join([*lines, b""]), len(lines))

    def _add(self, records: list[dict[str, Any]], elements: Counter[str]) -> None:
        first = self._summary.records_read + 1
        lines = [_ENCODE({"_row_number": number, **record}) for number, record in enumerate(records, start=first)]
        self._summary.records_read += len(lines)
        self._summary.records_loaded += len(lines)
        self._summary.elements.update(elements)
        self._lines += lines
        self._bytes += sum(map(len, lines))


class ObjectIntake(TreeIntake[Batch]):
    """Records with objects and no arrays on their way to batches for COPY: each is one row."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary, load_id: int) -> None:
        super().__init__(buffer, contract, summary)
        self._batches = Batches(contract, summary, load_id)
        self._paths = [[step.name for step in column.path] for column in contract.columns]

    @property
    def is_full(self) -> bool:
        return self._batches.is_full

    def taken(self) -> Batch | None:
        return self._batches.taken()

    def _add(self, records: list[dict[str, Any]], elements: Counter[str]) -> None:
        for record in records:
            extra = record.get(EXTRA)
            self._batches.add(
                Row(_copy_text(*(_value(record, path) for path in self._paths)), extra and _copy_text(extra))
            )


def _copy_text(*values: str | None) -> bytes:
    return text_line(values)[:-1].encode()


def _value(record: dict[str, Any], path: list[str]) -> str | None:
    """The value at a path; null where an object on the way is missing."""
    found: Any = record
    for name in path:
        found = found.get(name) if found else None
    return cast(str | None, found)


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
    if _ENCODE(records).count(b'"') != quotes_when_encoded(text):
        raise ValueError("a name may stand twice in an object")
    return records
