"""Well-formed CSV records to what COPY takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import msgspec

from loaders.parse.batch import TEXT_FORMAT, Batch, csv_format, text_line
from loaders.parse.csv_dialect import Header
from loaders.parse.names import unique


class Payload:
    """Makes batches of one file's records: of the file's own bytes, where the contract knows all columns."""

    def __init__(self, header: Header) -> None:
        self._delimiter = header.delimiter
        self._columns = header.known
        self._format = csv_format(header.delimiter, self._columns)
        self._known = [index for index, column in enumerate(header.columns) if column]
        unknown = [index for index, column in enumerate(header.columns) if not column]
        names = unique([header.names[index] for index in unknown])
        self._extra = dict(zip(unknown, names, strict=True))

    def whole(self, payload: bytes, first_row_number: int, records: int) -> Batch:
        """Records numbered one by one, each with its LF."""
        if self._extra:
            return self._with_extra(payload, range(first_row_number, first_row_number + records))
        return Batch(self._columns, payload, first_row_number, records, False, self._format)

    def lines(self, lines: list[bytes], numbers: list[int]) -> Batch:
        """Records without line ends, with their row numbers."""
        first = numbers[0]
        if numbers[-1] - first == len(lines) - 1:
            return self.whole(b"\n".join(lines) + b"\n", first, len(lines))
        if self._extra:
            return self._with_extra(b"\n".join(lines) + b"\n", numbers)
        numbered = b"%b" + self._delimiter.encode() + b"%d\n"
        payload = b"".join([numbered % pair for pair in zip(lines, numbers, strict=True)])
        return Batch((*self._columns, "_row_number"), payload, first, len(lines), True, self._format)

    def _with_extra(self, payload: bytes, numbers: Iterable[int]) -> Batch:
        """The columns the contract does not know as one JSON object in `_extra`."""
        rows = csv.reader(io.StringIO(payload.decode(), newline=""), delimiter=self._delimiter, strict=True)
        lines = [self._text(row, number) for row, number in zip(rows, numbers, strict=True)]
        columns = (*self._columns, "_extra", "_row_number")
        first = next(iter(numbers))
        return Batch(columns, "".join(lines).encode(), first, len(lines), True, TEXT_FORMAT)

    def _text(self, row: list[str], number: int) -> str:
        extra = msgspec.json.encode({name: row[index] for index, name in self._extra.items()}).decode()
        return text_line([*(row[index] for index in self._known), extra, str(number)])
