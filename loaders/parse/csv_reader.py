"""CSV bytes to batches: whole blocks where they are clean, record by record where they are not."""

from __future__ import annotations

from collections.abc import Iterator

from loaders.contract import Contract
from loaders.parse.batch import Batch, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, RECORD_BYTES, Buffer
from loaders.parse.csv_blocks import Block, clean, cut
from loaders.parse.csv_dialect import Dialect, find_header
from loaders.parse.csv_extra import Extra
from loaders.parse.csv_payload import Payload
from loaders.parse.csv_records import TOO_LONG, Blank, Broken, Records, Unfinished
from loaders.parse.runs import Run, extend

PIECE_BYTES = (1 << 13, 1 << 11)
"""A block that is not clean is tried again in pieces of the first size, each of them that is not in the second."""


class CsvReader:
    """One CSV file. Iterating gives its batches and rejects; `summary` is complete when it ends."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary, load_id: int) -> None:
        self._buffer = buffer
        self._summary = summary
        header = find_header(buffer.data, contract)
        buffer.advance(header.length)
        self._dialect = Dialect.of(header.delimiter, len(header.columns))
        limits = {column.name: column.max_bytes for column in contract.columns}
        extra = Extra(header)
        self._records = Records(self._dialect, header, extra, limits)
        self._payload = Payload(header, extra, load_id)
        self._longest_record = extra.surely_short if extra else None
        self._runs: list[Run] = []

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
        start, stop = self._buffer.start, len(self._buffer.data)
        end, block = self._records_before(stop)
        if block is not None:
            self._keep(block.payload, block.records, end)
        else:
            yield from self._pieces(end if end > start else stop, PIECE_BYTES)
        if self._runs:
            yield self._payload.batch(self._runs)
            self._runs = []

    def _pieces(self, end: int, sizes: tuple[int, ...]) -> Iterator[Reject]:
        """Keep the records of a block that is not clean, and give its rejects."""
        buffer = self._buffer
        while buffer.start < end:
            start, stop = buffer.start, min(buffer.start + sizes[0], end)
            piece_end, block = self._records_before(stop)
            piece_end = piece_end if piece_end > start else stop
            if block is not None:
                self._keep(block.payload, block.records, piece_end)
            elif len(sizes) > 1:
                yield from self._pieces(piece_end, sizes[1:])
            else:
                yield from self._single_records(piece_end)
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
                self._keep(outcome.record + b"\n", 1)
        buffer.advance(position)

    def _records_before(self, stop: int) -> tuple[int, Block | None]:
        """Where the last whole record before `stop` seems to end, and the records up to there if they are clean.

        The last line end is tried first: seldom is it inside quotes, and then nothing before it is clean.
        """
        buffer, limits = self._buffer, (self._records.shortest_limit, self._longest_record)
        data, start = buffer.data, buffer.start
        if buffer.ended and stop == len(data):
            return stop, clean(data[start:], self._dialect, *limits)
        end = data.rfind(b"\n", start, stop) + 1
        if end > start and (block := clean(data[start:end], self._dialect, *limits)):
            return end, block
        whole = cut(data, start, stop)
        return whole, clean(data[start:whole], self._dialect, *limits) if whole < end else None

    def _keep(self, payload: bytes, records: int, end: int | None = None) -> None:
        """Accept records; `end` is where they end, unless the buffer stands there or will be brought there."""
        if end is not None:
            self._buffer.advance(end)
        extend(self._runs, self._count(records), payload, records)

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
