"""Whole blocks of CSV that need no look at their single records."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loaders.parse.csv_dialect import Dialect
from loaders.parse.runs import has_longer_line

END_OF_DATA = re.compile(rb"^\\\.", re.MULTILINE)
r"""COPY would take `\.` alone on a line for the end of the data."""

BLANK_LINE = re.compile(rb"^\r?\n", re.MULTILINE)
"""In a file of one column nothing else tells a blank line from an empty record."""


@dataclass(frozen=True)
class Block:
    """Well-formed records with LF ends, as COPY takes them."""

    payload: bytes
    records: int


def cut(data: bytes, start: int, stop: int) -> int:
    """Where the last record before `stop` that ends with LF ends, told by an even number of quotes; `start` if none."""
    end = data.rfind(b"\n", start, stop) + 1
    quotes = data.count(b'"', start, end) if end > start else 0
    while quotes % 2 and end > start:
        earlier = data.rfind(b"\n", start, end - 1) + 1
        quotes -= data.count(b'"', max(earlier, start), end)
        end = earlier
    return max(end, start)


def clean(block: bytes, dialect: Dialect, longest_field: int, longest_record: int | None = None) -> Block | None:
    """The block's records when every one of them is well-formed and whole, null when any may not be.

    No field is longer than `longest_field`, and no record than `longest_record` (null: however long).
    With its quoted fields taken out, a clean block has no quote left and its delimiters and line ends form one pattern.
    """
    if not block or b"\0" in block or (b"\\" in block and END_OF_DATA.search(block)):
        return None
    if not block.endswith(b"\n"):
        block += b"\n"
    if dialect.fields == 1 and BLANK_LINE.search(block):
        return None
    unquoted = dialect.quoted.sub(b"", block) if b'"' in block else block
    if b'"' in unquoted:
        return None
    skeleton = unquoted.translate(None, dialect.noise)
    records = len(skeleton) // len(dialect.skeleton)
    if skeleton != dialect.skeleton * records or not _is_utf8(block):
        return None
    if _has_longer_field(block, unquoted, dialect, longest_field):
        return None
    if longest_record is not None and _may_have_longer_record(block, unquoted, longest_record):
        return None
    payload = _with_line_feeds(block, unquoted)
    return Block(payload, records) if payload is not None else None


def _is_utf8(block: bytes) -> bool:
    if block.isascii():
        return True
    try:
        block.decode()
    except UnicodeDecodeError:
        return False
    return True


def _with_line_feeds(block: bytes, unquoted: bytes) -> bytes | None:
    """CRLF ends as LF: COPY wants one kind. Null when a CR stands alone, or CRLF also stands inside quotes."""
    if b"\r" not in block:
        return block
    line_ends = unquoted.count(b"\r\n")
    if unquoted.count(b"\r") != line_ends or block.count(b"\r\n") != line_ends:
        return None
    return block.replace(b"\r\n", b"\n")


def _has_longer_field(block: bytes, unquoted: bytes, dialect: Dialect, limit: int) -> bool:
    """Whether a field may be longer than `limit`; a record without quotes that is no longer cannot have one."""
    if has_longer_line(unquoted, limit):
        return True
    if len(block) - len(unquoted) <= limit:
        return False
    return max(map(len, dialect.quoted.findall(block)), default=0) > limit


def _may_have_longer_record(block: bytes, unquoted: bytes, limit: int) -> bool:
    """Whether a record may be longer than `limit`: all that is quoted in the block might stand in its longest line."""
    return len(block) - len(unquoted) > limit // 2 or has_longer_line(unquoted, limit - limit // 2)
