"""JSON Lines: a record on each line, so that a bad one spoils no other."""

from __future__ import annotations

from collections.abc import Iterator

from loaders.parse.batch import Reject, Summary
from loaders.parse.buffer import RECORD_BYTES, Buffer
from loaders.parse.json_intake import TOO_LONG, Block, Intake
from loaders.parse.json_record import Malformed

BETWEEN = b"}\n{"


def read_lines(buffer: Buffer, intake: Intake, summary: Summary) -> Iterator[Reject | None]:
    """Read lines to the end of the file, giving way after each step."""
    while buffer.undecided or not buffer.ended:
        if intake.take_block(lambda stop: _lines(buffer, stop)):
            yield None
            continue
        end = buffer.data.find(b"\n", buffer.start) + 1
        if not end and buffer.ended:
            end = len(buffer.data)
        if (end or len(buffer.data)) - buffer.start > RECORD_BYTES:
            yield buffer.reject_line(intake.batches.count_reject(), *TOO_LONG)
            buffer.skip_line_end()
        elif not end:
            buffer.fill(2 * buffer.undecided + 1)
        elif line := buffer.data[buffer.start : end].strip(b" \t\r\n"):
            yield _take_line(line, end, buffer, intake)
        else:
            summary.blank_lines += 1
            buffer.advance(end)


def _take_line(line: bytes, end: int, buffer: Buffer, intake: Intake) -> Reject | None:
    stop = buffer.start + len(buffer.data[buffer.start : end].rstrip(b"\r\n"))
    try:
        reject = intake.take_record(line, stop)
    except Malformed as malformed:
        reject = intake.reject(stop, malformed)
    if buffer.start < end:
        buffer.advance(end)
    return reject


def _lines(buffer: Buffer, stop: int) -> Block | None:
    """The lines up to `stop`, if each is an object from its first byte to its last.

    The LF between them stays, so that a string that goes on over two lines is still no JSON.
    """
    start = buffer.start
    end = buffer.data.rfind(b"\n", start, stop) + 1
    if not end:
        return None
    text = buffer.data[start:end].replace(b"\r\n", b"\n")[:-1]
    lines = text.count(b"\n") + 1
    return Block(text.replace(BETWEEN, b"},\n{") if text.count(BETWEEN) == lines - 1 else b"", end, lines)
