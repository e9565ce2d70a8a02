"""An array of records, and records one after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from loaders.parse.batch import Reject
from loaders.parse.json_intake import TOO_LONG, Block, RecordIntake
from loaders.parse.json_lexer import Lexer
from loaders.parse.json_record import Malformed

NEXT_RECORD = re.compile(rb'\s*+,\s*+\{\s*+"(?:[^"\\]++|\\.)*+"')
"""From the end of a record to the end of the next one's first name."""


def read_array(lexer: Lexer, intake: RecordIntake[Any]) -> Iterator[Reject | None]:
    """Read an array to its closing bracket, giving way after each step. Raises DataError at a syntax error."""
    elements = _Elements(lexer)
    lexer.take(b"[")
    if lexer.peek() == b"]":
        lexer.take(b"]")
        return
    while True:
        lexer.peek()
        if intake.take_block(elements.before):
            yield None
        else:
            yield read_value(lexer, intake)
            elements.learn()
        if lexer.peek() == b"]":
            lexer.take(b"]")
            return
        lexer.take(b",")


def read_value(lexer: Lexer, intake: RecordIntake[Any]) -> Reject | None:
    """Read the record that begins here. Raises DataError where it is not JSON: nothing after it would be sure."""
    if not lexer.peek():
        raise lexer.broken("the file ends where a record is expected")
    record = lexer.value()
    if record is None:
        return lexer.reject_value(intake.count_reject(), *TOO_LONG)
    try:
        return intake.take_record(record, lexer.buffer.start + len(record))
    except Malformed as malformed:
        raise lexer.broken(malformed.message, malformed.position) from malformed


class _Elements:
    """Finds whole records by what stands between two of them: mostly the same white space and the same first name."""

    def __init__(self, lexer: Lexer) -> None:
        self._buffer = lexer.buffer
        self._separator = b""

    def learn(self) -> None:
        """Look at what stands between the last record and the next."""
        if found := NEXT_RECORD.match(self._buffer.data, self._buffer.start):
            self._separator = b"}" + found[0]

    def before(self, stop: int) -> Block | None:
        """The records up to the last separator. Were that inside a record, its beginning alone would not be JSON."""
        data, start = self._buffer.data, self._buffer.start
        end = data.rfind(self._separator, start, stop) + 1 if self._separator else 0
        return Block(data[start:end], end) if end else None
