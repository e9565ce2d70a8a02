"""Walks through a JSON document of any size and finds where its values begin and end, without keeping it."""

from __future__ import annotations

import re
from dataclasses import replace

from loaders.errors import DataError
from loaders.parse.batch import Reject
from loaders.parse.buffer import BLOCK_BYTES, RECORD_BYTES, Buffer
from loaders.parse.json_record import CLOSING, OPENING, TOKEN

SPACE = re.compile(rb"[ \t\r\n]*+")
STRUCTURED = (b"{", b"[", b'"')
SCALAR_END = re.compile(rb"[\s,\]}\[{\"]")
STRING_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)


class _Extent:
    """How far the value under way has been looked at: `position` in the data, and what is open there."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.depth = 0
        self.in_string = False
        self.in_scalar = False


class Lexer:
    """Punctuation and values at the start of a buffer. Raises DataError with the offset where the syntax breaks."""

    def __init__(self, buffer: Buffer) -> None:
        self.buffer = buffer

    def peek(self) -> bytes:
        """The next byte that is no white space, which stays; none at the end of the file."""
        buffer = self.buffer
        while True:
            found = SPACE.match(buffer.data, buffer.start)
            if found and found.end() > buffer.start:
                buffer.advance(found.end())
            if buffer.start < len(buffer.data):
                return buffer.data[buffer.start : buffer.start + 1]
            if buffer.ended:
                return b""
            buffer.fill(BLOCK_BYTES)

    def take(self, expected: bytes) -> None:
        """Go past one byte of punctuation."""
        found = self.peek()
        if found != expected:
            raise self.broken(f"{expected.decode()!r} expected, " + ("other text found" if found else "the file ends"))
        self.buffer.advance(self.buffer.start + 1)

    def value(self) -> bytes | None:
        """The text of the value that begins here and stays undecided; null when it is longer than a record may be."""
        buffer = self.buffer
        extent = _Extent(buffer.start)
        while (end := _end_of_value(buffer.data, extent, buffer.ended)) is None:
            length = len(buffer.data) - buffer.start
            if length > RECORD_BYTES:
                return None
            self._fill(extent, min(2 * length, RECORD_BYTES) + BLOCK_BYTES)
        return buffer.data[buffer.start : end] if end - buffer.start <= RECORD_BYTES else None

    def reject_value(self, row_number: int, rule: str, message: str) -> Reject:
        """The value that begins here as a reject, however long, read past without keeping it."""
        buffer = self.buffer
        first = buffer.reject_start(row_number, rule, message)
        self.skip_value()
        return replace(first, byte_length=buffer.offset - first.byte_offset)

    def skip_value(self) -> None:
        """Go past the value that begins here."""
        buffer = self.buffer
        extent = _Extent(buffer.start)
        while (end := _end_of_value(buffer.data, extent, buffer.ended)) is None:
            buffer.advance(extent.position)
            self._fill(extent, len(buffer.data) - buffer.start + BLOCK_BYTES)
        buffer.advance(end)

    def _fill(self, extent: _Extent, size: int) -> None:
        if self.buffer.ended:
            raise self.broken("the file ends in the middle of a value")
        extent.position -= self.buffer.start
        self.buffer.fill(size)

    def broken(self, what: str, ahead: int = 0) -> DataError:
        """A refusal of the whole file for its syntax, `ahead` bytes after this place."""
        buffer = self.buffer
        return DataError(
            f"not JSON at byte {buffer.offset + ahead}, line {buffer.line}: {what}",
            remedy="deliver the file again, complete, or as JSON Lines",
        )


def _end_of_value(data: bytes, extent: _Extent, ended: bool) -> int | None:
    """Where the value ends, null when the data ends before; `extent` keeps how far it was looked at."""
    if extent.in_string:
        if not _string_ends(data, extent):
            return None
        if extent.depth == 0:
            return extent.position
    elif extent.depth == 0 and (extent.in_scalar or data[extent.position : extent.position + 1] not in STRUCTURED):
        return _end_of_scalar(data, extent, ended)
    return _end_of_structure(data, extent)


def _end_of_structure(data: bytes, extent: _Extent) -> int | None:
    for token in TOKEN.finditer(data, extent.position):
        first, length = data[token.start()], token.end() - token.start()
        if first in CLOSING and length >= extent.depth:
            return token.start() + extent.depth
        extent.position = token.end()
        if first in OPENING:
            extent.depth += length
        elif first in CLOSING:
            extent.depth -= length
        elif length == 1:
            extent.in_string = True
            return None
        elif extent.depth == 0:
            return extent.position
    return None


def _end_of_scalar(data: bytes, extent: _Extent, ended: bool) -> int | None:
    """Where a number or a word ends, or one byte further where neither stands."""
    end = SCALAR_END.search(data, extent.position)
    if end or ended:
        stop = end.start() if end else len(data)
        return stop if extent.in_scalar else max(stop, extent.position + 1)
    extent.position, extent.in_scalar = len(data), True
    return None


def _string_ends(data: bytes, extent: _Extent) -> bool:
    """Go to the end of the string under way, as far as the data has it."""
    rest = STRING_REST.match(data, extent.position)
    assert rest is not None
    extent.position = rest.end()
    if data[extent.position : extent.position + 1] != b'"':
        return False
    extent.position += 1
    extent.in_string = False
    return True
