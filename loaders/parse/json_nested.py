"""Takes the records of a nested feed in and writes each as one line of JSON for Spark to flatten.

Spark 3.5 reads numbers as doubles where it is told that they are text, so every value is made text here, with the
digits of the file. The structure stays: objects and arrays are those of the contract, under its names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

import msgspec

from loaders.contract import Contract
from loaders.parse.batch import Lines, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, Buffer
from loaders.parse.json_intake import RecordIntake
from loaders.parse.json_record import Malformed, Violation, parsed
from loaders.parse.json_tree import Record


class NestedIntake(RecordIntake[Lines]):
    """The nested records of one file on their way to JSON Lines."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary) -> None:
        super().__init__(buffer, summary)
        self._record = Record(contract)
        self._lines: list[bytes] = []
        self._bytes = 0
        self._encode = msgspec.json.Encoder().encode

    @property
    def seen(self) -> Container[str]:
        return self._record.seen

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
        self._summary.records_read += 1
        self._summary.records_loaded += 1
        self._summary.elements.update(elements)
        line = self._encode({"_row_number": self._summary.records_read, **members})
        self._lines.append(line)
        self._bytes += len(line)
        self.buffer.advance(end)
        return None
