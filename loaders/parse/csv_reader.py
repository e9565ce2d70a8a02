"""CSV bytes to batches: whole blocks where they are clean, record by record where they are not."""

from __future__ import annotations

from collections.abc import Iterator

from loaders.contract import Contract
from loaders.parse.batch import Batch, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, RECORD_BYTES, Buffer
from loaders.parse.csv_blocks import Block, clean, cut
from loaders.parse.csv_dialect import Dialect, find_header
from loaders.parse.csv_payload import Payload
from loaders.parse.csv_records import TOO_LONG, Blank, Broken, Records, Unfinished

PIECE_BYTES = 1 << 13
"""A block that is not clean is tried again in pieces of this size: most of them are."""


class CsvReader:
    """One CSV file. Iterating gives its batches and rejects; `summary` is complete when it ends."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary) -> None:
        self._buffer = buffer
        self._summary = summary
        header = find_header(buffer.data, contract)
        buffer.advance(header.length)
        self._dialect = Dialect.of(header.delimiter, len(header.columns))
        limits = {column.name: column.max_bytes for column in contract.columns}
        self._records = Records(self._dialect, header, limits)
        self._payload = Payload(header)
        self._lines: list[bytes] = []
        self._numbers: list[int] = []

    def __iter__(self) -> Iterator[Batch | Reject]:
        buffer, wanted = self._buffer, BLOCK_BYTES
        while True:
            buffer.fill(wanted)
            if buffer.ended and not buffer.undecided:
                return
            before = buffer.offset
            yield from self._next_block()
            if buffer.offset == before and buffer.undecided > RECORD_BYTES:
                yield self._too_long()
            wanted = BLOCK_BYTES if buffer.offset > before else 2 * buffer.undecided

    def _next_block(self) -> Iterator[Batch | Reject]:
        """What can be decided of the data at hand; nothing, when its first record needs more of it."""
        buffer = self._buffer
        end = self._cut(len(buffer.data))
        block = self._clean(end)
        if block is not None:
            buffer.advance(end)
            first = self._count(block.records)
            yield self._payload.whole(block.payload, first, block.records)
            return
        yield from self._pieces(end if end > buffer.start else len(buffer.data))
        if self._lines:
            yield self._payload.lines(self._lines, self._numbers)
            self._lines, self._numbers = [], []

    def _pieces(self, end: int) -> Iterator[Reject]:
        """Collect the lines of a block that is not clean, and give its rejects."""
        buffer = self._buffer
        while buffer.start < end:
            start, piece_end = buffer.start, min(buffer.start + PIECE_BYTES, end)
            stop = self._cut(piece_end)
            block = self._clean(stop)
            if block is not None and block.records == block.payload.count(b"\n"):
                buffer.advance(stop)
                self._keep(block.payload.split(b"\n")[:-1])
                continue
            yield from self._single_records(stop if stop > start else piece_end)
            if buffer.start == start:
                break

    def _single_records(self, end: int) -> Iterator[Reject]:
        buffer, position = self._buffer, self._buffer.start
        for outcome in self._records.read(buffer.data, position, end, buffer.ended):
            if isinstance(outcome, Unfinished):
                break
            position = outcome.end
            if isinstance(outcome, Broken):
                buffer.advance(outcome.start)
                yield buffer.reject(outcome.line_end, self._count_reject(), outcome.rule, outcome.message)
            elif isinstance(outcome, Blank):
                self._summary.blank_lines += 1
            else:
                self._keep([outcome.record])
        buffer.advance(position)

    def _cut(self, stop: int) -> int:
        """Where the last whole record before `stop` seems to end; the last of the file needs no line end."""
        buffer = self._buffer
        return stop if buffer.ended and stop == len(buffer.data) else cut(buffer.data, buffer.start, stop)

    def _clean(self, end: int) -> Block | None:
        buffer = self._buffer
        return clean(buffer.data[buffer.start : end], self._dialect, self._records.shortest_limit)

    def _keep(self, lines: list[bytes]) -> None:
        first = self._count(len(lines))
        self._lines += lines
        self._numbers += range(first, first + len(lines))

    def _count(self, records: int) -> int:
        """Count accepted records; the first one's row number."""
        first = self._summary.records_read + 1
        self._summary.records_read += records
        self._summary.records_loaded += records
        return first

    def _count_reject(self) -> int:
        self._summary.records_read += 1
        self._summary.records_rejected += 1
        return self._summary.records_read

    def _too_long(self) -> Reject:
        """The physical line that begins here, read past without keeping it."""
        reject = self._buffer.reject_line(self._count_reject(), *TOO_LONG)
        self._buffer.skip_line_end()
        return reject
