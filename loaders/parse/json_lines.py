"""JSON Lines: a record on each line, so that a bad one spoils no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loaders.parse.batch import Reject, Summary
from loaders.parse.buffer import RECORD_BYTES, Buffer
from loaders.parse.json_intake import TOO_LONG, Block, RecordIntake
from loaders.parse.json_record import Malformed


def read_lines(buffer: Buffer, intake: RecordIntake[Any], summary: Summary) -> Iterator[Reject | None]:
    """Read lines to the end of the file, giving way after each step."""
    while buffer.undecided or not buffer.ended:
        if intake.take_block(lambda stop: _lines(buffer, stop)):
            yield None
            continue
        end = buffer.data.find(b"\n", buffer.start) + 1
        if not end and buffer.ended:
            end = len(buffer.data)
        line = buffer.data[buffer.start : end or len(buffer.data)].rstrip(b"\r\n")
        if len(line) > RECORD_BYTES:
            yield buffer.reject_line(intake.count_reject(), *TOO_LONG)
            buffer.skip_line_end()
        elif not end:
            buffer.fill(2 * buffer.undecided + 1)
        elif record := line.strip(b" \t\r\n"):
            reject = _take_record(record, buffer.start + len(line), buffer, intake)
            buffer.advance(end)
            yield reject
        else:
            summary.blank_lines += 1
            buffer.advance(end)


def _take_record(record: bytes, stop: int, buffer: Buffer, intake: RecordIntake[Any]) -> Reject | None:
    try:
        return intake.take_record(record, stop)
    except Malformed as malformed:
        return intake.reject(stop, malformed)


def _lines(buffer: Buffer, stop: int) -> Block | None:
    """The whole lines up to `stop`."""
    end = buffer.data.rfind(b"\n", buffer.start, stop)
    return Block(buffer.data[buffer.start : end], end + 1, are_lines=True) if end > buffer.start else None
