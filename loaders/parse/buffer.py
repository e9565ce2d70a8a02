"""The bytes of a file that have been read and not yet decided, and the place where they stand."""

from __future__ import annotations

import re
from dataclasses import replace

from loaders.parse.batch import RAW_START_BYTES, PlacedReject
from loaders.parse.encoding import Utf8Source

BLOCK_BYTES = 1 << 19
"""How much is read and checked at once: it fits the processor's cache, and Python's part of the work stays small."""

RECORD_BYTES = 8 << 20
"""A longer record is rejected: no file may need more memory than this."""


START_BYTES = 4 * RAW_START_BYTES
"""At least RAW_START_BYTES in the file's own encoding: no character has more than four bytes."""

LINE_END = re.compile(rb"\r\n?|\n")


class Buffer:
    """`data[start:]` is undecided; `line` and `offset` tell where it begins in the decompressed file."""

    def __init__(self, source: Utf8Source) -> None:
        self._source = source
        self.data = b""
        self.start = 0
        self.ended = False
        self.line = 1
        self.offset = source.start

    @property
    def undecided(self) -> int:
        """How many bytes are there that nothing was decided about."""
        return len(self.data) - self.start

    def fill(self, size: int) -> None:
        """Read until `size` undecided bytes are there or the file ends."""
        pieces = [self.data[self.start :]]
        length = len(pieces[0])
        while length < size and not self.ended:
            piece = self._source.read(max(size - length, BLOCK_BYTES))
            self.ended = not piece
            pieces.append(piece)
            length += len(piece)
        self.data, self.start = b"".join(pieces), 0

    def advance(self, end: int) -> None:
        """Decide about everything before `data[end]`."""
        piece = self.data[self.start : end]
        self.line += piece.count(b"\n")
        if b"\r" in piece:
            self.line += piece.count(b"\r") - piece.count(b"\r\n")
        self.offset += self._source.original_length(piece)
        self.start = end

    def reject(self, end: int, row_number: int, rule: str, message: str) -> PlacedReject:
        """The undecided bytes before `data[end]` as a reject."""
        raw = self._source.original(self.data[self.start : end])
        return PlacedReject(row_number, self.line, self.offset, len(raw), rule, message, raw[:RAW_START_BYTES])

    def reject_start(self, row_number: int, rule: str, message: str) -> PlacedReject:
        """What begins here as a reject of its first bytes, cut between two characters: more than are kept of it."""
        end = min(len(self.data), self.start + START_BYTES)
        longest = min(len(self.data), end + 3)
        while end < longest and self.data[end] & 0xC0 == 0x80:
            end += 1
        return self.reject(end, row_number, rule, message)

    def reject_line(self, row_number: int, rule: str, message: str) -> PlacedReject:
        """The physical line that begins here as a reject, read past without keeping more than its start."""
        first = self.reject_start(row_number, rule, message)
        while not (end := LINE_END.search(self.data, self.start)) and not self.ended:
            self.advance(len(self.data))
            self.fill(BLOCK_BYTES)
        self.advance(end.start() if end else len(self.data))
        return replace(first, byte_length=self.offset - first.byte_offset)

    def skip_line_end(self) -> None:
        """Read past the line end that stands here."""
        self.fill(2)
        if end := LINE_END.match(self.data, self.start):
            self.advance(end.end())
