"""Collects the accepted records of a JSON file into batches."""

from __future__ import annotations

from loaders.contract import Contract
from loaders.parse.batch import TEXT_FORMAT, Batch, Summary
from loaders.parse.buffer import BLOCK_BYTES
from loaders.parse.json_rows import Row

NULL = rb"\N"


class Batches:
    """Lines of COPY text with their row numbers, until there are enough for a batch."""

    def __init__(self, contract: Contract, summary: Summary) -> None:
        self._columns = contract.column_names
        self._summary = summary
        self._has_extra = False
        self._clear()

    def _clear(self) -> None:
        self._lines: list[bytes] = []
        self._numbers: list[int] = []
        self._extras: dict[int, bytes] = {}
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self._bytes >= BLOCK_BYTES

    def count_reject(self) -> int:
        """Count a rejected record; its row number."""
        self._summary.records_read += 1
        self._summary.records_rejected += 1
        return self._summary.records_read

    def add(self, row: Row) -> None:
        if row.extra is not None:
            self._extras[len(self._lines)] = row.extra
            self._has_extra = True
        self.extend([row.line])

    def extend(self, lines: list[bytes]) -> None:
        """Add rows that have nothing for `_extra`."""
        first = self._summary.records_read + 1
        self._summary.records_read += len(lines)
        self._summary.records_loaded += len(lines)
        self._lines += lines
        self._numbers += range(first, first + len(lines))
        self._bytes += sum(map(len, lines))

    def taken(self) -> Batch | None:
        """What was collected; null when nothing was. From the first record that needs `_extra` on, batches have it."""
        if not self._lines:
            return None
        columns, lines, numbers = self._columns, self._lines, self._numbers
        if self._has_extra:
            columns = (*columns, "_extra")
            lines = [line + b"\t" + self._extras.get(index, NULL) for index, line in enumerate(lines)]
        numbered = numbers[-1] - numbers[0] != len(numbers) - 1
        if numbered:
            columns = (*columns, "_row_number")
            lines = [b"%b\t%d" % pair for pair in zip(lines, numbers, strict=True)]
        batch = Batch(columns, b"\n".join(lines) + b"\n", numbers[0], len(lines), numbered, TEXT_FORMAT)
        self._clear()
        return batch
