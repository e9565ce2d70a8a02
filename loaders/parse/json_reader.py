"""JSON in each of its forms to batches: an array, JSON Lines, objects one after another, or an array under a path."""

from __future__ import annotations

from collections.abc import Iterator

from loaders.contract import Contract
from loaders.errors import DataError
from loaders.parse.batch import Batch, Reject, Summary
from loaders.parse.buffer import Buffer
from loaders.parse.json_lexer import Lexer
from loaders.parse.json_record import Malformed, Violation, parsed
from loaders.parse.json_rows import Rows

BATCH_RECORDS = 2000


class JsonReader:
    """One JSON file. Iterating gives its batches and rejects; `summary` is complete when it ends."""

    def __init__(self, buffer: Buffer, contract: Contract, summary: Summary) -> None:
        self._buffer = buffer
        self._contract = contract
        self._summary = summary
        self._rows = Rows(contract)
        self._lexer = Lexer(buffer)

    def __iter__(self) -> Iterator[Batch | Reject]:
        rows: list[list[str | None]] = []
        numbers: list[int] = []
        for outcome in self._records():
            if isinstance(outcome, Reject):
                self._summary.records_rejected += 1
                yield outcome
                continue
            rows.append(outcome)
            numbers.append(self._summary.records_read)
            if len(rows) == BATCH_RECORDS:
                yield self._batch(rows, numbers)
                rows, numbers = [], []
        if rows:
            yield self._batch(rows, numbers)
        self._check_key()

    def _batch(self, rows: list[list[str | None]], numbers: list[int]) -> Batch:
        self._summary.records_loaded += len(rows)
        return self._rows.batch(rows, numbers)

    def _records(self) -> Iterator[list[str | None] | Reject]:
        if self._lexer.peek() == b"[":
            yield from self._array()
            if self._lexer.peek():
                raise self._lexer.broken("something stands after the end of the array")
        while self._lexer.peek():
            yield self._record()

    def _array(self) -> Iterator[list[str | None] | Reject]:
        lexer = self._lexer
        lexer.take(b"[")
        if lexer.peek() == b"]":
            lexer.take(b"]")
            return
        while True:
            yield self._record()
            if lexer.peek() == b"]":
                lexer.take(b"]")
                return
            lexer.take(b",")

    def _record(self) -> list[str | None] | Reject:
        """The record that begins here. Raises DataError where it is not JSON, for then nothing after it is sure."""
        if not self._lexer.peek():
            raise self._lexer.broken("the file ends where a record is expected")
        self._summary.records_read += 1
        record = self._lexer.value()
        if record is None:
            return self._lexer.reject_value(self._summary.records_read, "record_too_long", "a record may have 8 MiB")
        end = self._buffer.start + len(record)
        try:
            row = self._rows.values(parsed(record))
        except Malformed as malformed:
            raise self._lexer.broken(malformed.message, malformed.position) from malformed
        except Violation as violation:
            reject = self._buffer.reject(end, self._summary.records_read, violation.rule, violation.message)
            self._buffer.advance(end)
            return reject
        self._buffer.advance(end)
        return row

    def _check_key(self) -> None:
        missing = [column for column in self._contract.key if column not in self._rows.seen]
        if missing and self._summary.records_loaded:
            raise DataError(
                f"no record has {', '.join(missing)}, which the record key of feed {self._contract.feed} needs",
                remedy="deliver records with their key, or change the contract",
            )
