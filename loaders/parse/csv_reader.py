"""CSV bytes to batches: whole blocks where they are clean, record by record where they are not."""

from __future__ import annotations

from collections.abc import Iterator

from loaders.contract import Contract
from loaders.parse.batch import Batch, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, RECORD_BYTES, Buffer
from loaders.parse.csv_blocks import clean, cut
from loaders.parse.csv_dialect import Dialect, find_header
from loaders.parse.csv_payload import Payload
from loaders.parse.csv_records import Blank, Broken, Records, Unfinished


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

    def __iter__(self) -> Iterator[Batch | Reject]:
        buffer, wanted = self._buffer, BLOCK_BYTES
        while True:
            buffer.fill(wanted)
            if buffer.ended and buffer.start == len(buffer.data):
                return
            before = buffer.offset
            yield from self._step()
            wanted = BLOCK_BYTES if buffer.offset > before else 2 * (len(buffer.data) - buffer.start)

    def _step(self) -> Iterator[Batch | Reject]:
        buffer = self._buffer
        end = cut(buffer.data, buffer.start, buffer.ended)
        block = clean(buffer.data[buffer.start : end], self._dialect, self._records.shortest_limit)
        if block is None:
            yield from self._record_by_record(max(end, buffer.start + 1))
            return
        buffer.advance(end)
        yield self._batch(block.payload, block.records)

    def _batch(self, payload: bytes, records: int) -> Batch:
        first = self._summary.records_read + 1
        self._summary.records_read += records
        self._summary.records_loaded += records
        return self._payload.whole(payload, first, records)

    def _record_by_record(self, end: int) -> Iterator[Batch | Reject]:
        buffer, summary = self._buffer, self._summary
        position, lines, numbers = buffer.start, [], []
        for outcome in self._records.read(buffer.data, buffer.start, end, buffer.ended):
            if isinstance(outcome, Unfinished):
                break
            position = outcome.end
            if isinstance(outcome, Blank):
                summary.blank_lines += 1
            elif isinstance(outcome, Broken):
                summary.records_read += 1
                summary.records_rejected += 1
                buffer.advance(outcome.start)
                yield buffer.reject(outcome.line_end, summary.records_read, outcome.rule, outcome.message)
            else:
                summary.records_read += 1
                lines.append(outcome.record)
                numbers.append(summary.records_read)
        summary.records_loaded += len(lines)
        if lines:
            yield self._payload.lines(lines, numbers)
        if position > buffer.start:
            buffer.advance(position)
        elif len(buffer.data) - buffer.start >= RECORD_BYTES:
            yield self._too_long()

    def _too_long(self) -> Reject:
        """The physical line at the buffer's start, read past without keeping it."""
        self._summary.records_read += 1
        self._summary.records_rejected += 1
        message = f"a record may have {RECORD_BYTES} bytes"
        reject = self._buffer.reject_line(self._summary.records_read, "record_too_long", message)
        self._buffer.skip_line_end()
        return reject
