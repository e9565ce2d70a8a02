"""Batches and rejects into RDS with COPY, inside the caller's transaction."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator

from loaders.counts import told
from loaders.database import Cursor
from loaders.errors import TerminalError
from loaders.parse import Batch, Reject
from loaders.tables import quoted

REJECT_BYTES = 4 << 20
"""Rejects are collected up to this size; then the running COPY ends so that they can be written."""
MESSAGE_CHARACTERS = 4000
"""What is kept of a message: it may quote a name of the file, which may be longer than a text can be in Redshift."""
COPY_REJECTS = (
    "copy ops.rejects (load_id, row_number, line_number, byte_offset, byte_length, rule, message, raw_start) from stdin"
)
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})


class Copy:
    """Lands one file's items in a raw table, through as few COPYs as columns and rejects allow.

    `first_reject` tells about the first rejected record, null when there was none.
    """

    def __init__(
        self, cursor: Cursor, table: str, load_id: int, items: Iterator[Batch | Reject], before_each: Callable[[], None]
    ) -> None:
        self.first_reject: str | None = None
        self._cursor = cursor
        self._table = table
        self._load_id = load_id
        self._items = items
        self._before_each = before_each
        self._held: Batch | None = None
        self._rejects: list[bytes] = []
        self._reject_bytes = 0
        self._sent = 0
        self._failure: Exception | None = None

    def run(self) -> None:
        """Takes the items to their end. Raises whatever the items raise, and database errors of the driver."""
        while (item := self._next()) is not None:
            if isinstance(item, Batch):
                self._copy(item)
            else:
                self._keep(item)
            if self._reject_bytes >= REJECT_BYTES:
                self._write_rejects()
        self._write_rejects()

    def _next(self) -> Batch | Reject | None:
        held, self._held = self._held, None
        if held is not None:
            return held
        self._before_each()
        return next(self._items, None)

    def _copy(self, batch: Batch) -> None:
        columns = ", ".join(quoted(column) for column in batch.columns)
        self._sent = 0
        self._cursor.execute(
            f"copy {self._table} ({columns}) from stdin with ({batch.format.options})", stream=self._payloads(batch)
        )
        if self._failure is not None:
            raise self._failure
        if self._cursor.rowcount != self._sent:
            raise TerminalError(
                f"the database counted {self._cursor.rowcount} rows where the reader counted {self._sent}",
                remedy="report this with the file: reader and COPY disagree about where a record ends",
            )

    def _payloads(self, batch: Batch) -> Iterator[bytes]:
        """The bytes of one COPY: a batch and those that continue it.

        An exception here would leave the connection in the middle of the COPY. So it is kept, the COPY ends as if the
        file ended, and `_copy` raises it; the transaction is rolled back with the connection sound.
        """
        try:
            self._sent += batch.records
            yield batch.payload
            while self._reject_bytes < REJECT_BYTES and (item := self._next()) is not None:
                if isinstance(item, Reject):
                    self._keep(item)
                elif _continues(batch, item):
                    batch = item
                    self._sent += batch.records
                    yield batch.payload
                else:
                    self._held = item
                    return
        except Exception as error:
            self._failure = error

    def _keep(self, reject: Reject) -> None:
        if self.first_reject is None:
            self.first_reject = told(reject)
        line = b"%d\t%b" % (self._load_id, reject_line(reject))
        self._rejects.append(line)
        self._reject_bytes += len(line)

    def _write_rejects(self) -> None:
        if self._rejects:
            self._cursor.execute(COPY_REJECTS, stream=self._rejects)
        self._rejects, self._reject_bytes = [], 0


def reject_line(reject: Reject) -> bytes:
    """A reject as COPY takes it, but for the load that stands before it."""
    place = (reject.row_number, reject.line_number, reject.byte_offset, reject.byte_length)
    numbers = "\t".join(r"\N" if number is None else str(number) for number in place)
    texts = f"{reject.rule.translate(ESCAPES)}\t{reject.message[:MESSAGE_CHARACTERS].translate(ESCAPES)}"
    return f"{numbers}\t{texts}\t{b64encode(reject.raw_start).decode()}\n".encode()


def copy_rejects(cursor: Cursor, load_id: int, lines: bytes) -> None:
    """Writes rejects that were kept as `reject_line` makes them."""
    begin = b"%d\t" % load_id
    cursor.execute(COPY_REJECTS, stream=[begin + lines[:-1].replace(b"\n", b"\n" + begin) + b"\n"])


def _continues(batch: Batch, following: Batch) -> bool:
    return (batch.columns, batch.format) == (following.columns, following.format)
