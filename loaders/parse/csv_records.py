"""CSV record by record: exact about what is wrong with each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from loaders.contract import MAX_BYTES
from loaders.parse.buffer import LINE_END, RECORD_BYTES
from loaders.parse.csv_dialect import Dialect, Header, split_fields, unquoted
from loaders.parse.csv_extra import Extra
from loaders.parse.names import called

QUOTED_LINES_BYTES = 64 << 10
"""A quote that is not closed within as much was most likely never meant to be one."""


TOO_LONG = ("record_too_long", f"a record may have {RECORD_BYTES} bytes")


class Accepted(NamedTuple):
    """A record without its line end; `end` is where the next one begins."""

    record: bytes
    end: int


class Blank(NamedTuple):
    """A line that is no record."""

    end: int


class Broken(NamedTuple):
    """A record that costs its one physical line, `start` to `line_end`; reading starts again at `end`."""

    start: int
    line_end: int
    end: int
    rule: str
    message: str


class Unfinished(NamedTuple):
    """The data ends before what begins here is decided."""


Outcome = Accepted | Blank | Broken | Unfinished


class Records:
    """Reads records of one file. `limits` are the bytes that a value of each known column may have."""

    def __init__(self, dialect: Dialect, header: Header, extra: Extra, limits: dict[str, int]) -> None:
        self._dialect = dialect
        self._names = called(header.columns, header.names)
        self._extra = extra
        self._limits = [limits[column] if column else MAX_BYTES for column in header.columns]
        self.shortest_limit = min(*self._limits, extra.surely_short)

    def read(self, data: bytes, start: int, end: int, ended: bool) -> Iterator[Outcome]:
        """What stands at `start` and after, up to the first record that begins at `end` or later."""
        match, size, position = self._dialect.record.match, len(data), start
        while position < end:
            found = match(data, position)
            outcome: Outcome
            if found is None or data[position] in b"\r\n":
                outcome = self._undecided(data, position, ended)
            elif found.end() == size and not ended:
                outcome = Unfinished()
            else:
                outcome = self._checked(data, position, found.end())
            yield outcome
            if isinstance(outcome, Unfinished):
                return
            position = outcome.end

    def _checked(self, data: bytes, start: int, end: int) -> Outcome:
        """A record with the right shape, judged by what it holds."""
        record = data[start:end].rstrip(b"\r\n")
        if len(record) > QUOTED_LINES_BYTES and (number := self._lines_in_quotes(record)):
            return self._broken(data, start, "quoted_field_too_long", _not_closed(number))
        if len(record) > RECORD_BYTES:
            return self._broken(data, start, *TOO_LONG)
        if b"\0" in record:
            return self._broken(data, start, "nul", "the record holds a NUL byte")
        try:
            record.isascii() or record.decode()
        except UnicodeDecodeError as error:
            message = f"byte {error.start + 1} of the record is not in the file's encoding"
            return self._broken(data, start, "undecodable", message)
        if len(record) > self.shortest_limit and (message := self._too_long(record)):
            return self._broken(data, start, "field_too_long", message)
        return Accepted(record if record != b"\\." else b'"\\."', end)

    def _too_long(self, record: bytes) -> str:
        fields = split_fields(record, self._dialect.field)
        for name, limit, field in zip(self._names, self._limits, fields, strict=True):
            if (length := len(unquoted(field))) > limit:
                return f"{name} has {length} bytes, {limit} are allowed"
        if self._extra and len(record) > self._extra.surely_short:
            length = len(self._extra.encoded([unquoted(field).decode() for field in fields]))
            if length > MAX_BYTES:
                return f"_extra has {length} bytes, {MAX_BYTES} are allowed"
        return ""

    def _lines_in_quotes(self, record: bytes) -> int:
        """The number of the first field that spreads over too many bytes of lines, 0 when none does."""
        fields = split_fields(record, self._dialect.field)
        return next((number for number, field in enumerate(fields, 1) if _spreads_too_far(field)), 0)

    def _undecided(self, data: bytes, start: int, ended: bool) -> Outcome:
        """A blank line, a record with the wrong shape, or the beginning of one that goes on after the data."""
        line_end = LINE_END.search(data, start)
        if not ended and (line_end is None or line_end.end() == len(data)):
            return Unfinished()
        stop, end = (line_end.start(), line_end.end()) if line_end else (len(data), len(data))
        if stop == start or (self._dialect.fields > 1 and not data[start:stop].strip(b" \t")):
            return Blank(end)
        rule, message = self._diagnosis(data, start, ended) if stop - start <= RECORD_BYTES else TOO_LONG
        return Broken(start, stop, end, rule, message) if rule else Unfinished()

    def _broken(self, data: bytes, start: int, rule: str, message: str) -> Broken:
        line_end = LINE_END.search(data, start)
        stop, end = (line_end.start(), line_end.end()) if line_end else (len(data), len(data))
        return Broken(start, stop, end, rule, message)

    def _diagnosis(self, data: bytes, start: int, ended: bool) -> tuple[str, str]:
        """Rule and message for the record at `start`, whose shape is wrong; no rule when more data may mend it."""
        position, fields, size = start, 0, len(data)
        while fields <= self._dialect.fields:
            found = self._dialect.field.match(data, position)
            if found is None or (data[position : position + 1] == b'"' and found.end() == position):
                return self._open_quote(size - position, fields + 1, ended)
            fields, position = fields + 1, found.end()
            if _spreads_too_far(found[0]):
                return "quoted_field_too_long", _not_closed(fields)
            follower = data[position : position + 1]
            if follower == self._dialect.delimiter:
                position += 1
            elif follower in (b"\r", b"\n", b""):
                if not follower and not ended:
                    return "", ""
                break
            else:
                return "broken_quoting", f"field {fields} has a quote that neither begins nor ends it"
        found_fields = fields if fields <= self._dialect.fields else f"more than {self._dialect.fields}"
        return "field_count", f"{self._dialect.fields} fields expected, {found_fields} found"

    def _open_quote(self, length: int, field: int, ended: bool) -> tuple[str, str]:
        if length - 1 > QUOTED_LINES_BYTES:
            return "quoted_field_too_long", _not_closed(field)
        if ended:
            return "broken_quoting", f"the quote that begins field {field} is never closed"
        return "", ""


def _spreads_too_far(field: bytes) -> bool:
    """Whether there is too much between a field's quotes, over several lines."""
    return len(field) - 2 > QUOTED_LINES_BYTES and LINE_END.search(field) is not None


def _not_closed(field: int) -> str:
    return f"the quote that begins field {field} is not closed within 64 KiB of lines"
