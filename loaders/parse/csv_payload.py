"""Well-formed CSV records to what COPY takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import chain

import msgspec

from loaders.parse.batch import TEXT_FORMAT, Batch, csv_format, text_line
from loaders.parse.csv_dialect import Header
from loaders.parse.names import unique
from loaders.parse.runs import Run, numbered


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

    def batch(self, runs: list[Run]) -> Batch:
        """The records of some runs, in their order."""
        first, records = runs[0].first_row_number, sum(run.records for run in runs)
        if self._extra:
            numbers = chain.from_iterable(run.row_numbers for run in runs)
            return self._with_extra(b"".join([run.payload for run in runs]), first, numbers)
        if len(runs) == 1:
            return Batch(self._columns, runs[0].payload, first, records, False, self._format)
        lines = [record for run in runs for record in _records(run)]
        payload = numbered(lines, runs, self._delimiter.encode())
        return Batch((*self._columns, "_row_number"), payload, first, records, True, self._format)

    def _with_extra(self, payload: bytes, first: int, numbers: Iterable[int]) -> Batch:
        """The columns the contract does not know as one JSON object in `_extra`."""
        rows = csv.reader(io.StringIO(payload.decode(), newline=""), delimiter=self._delimiter, strict=True)
        lines = [self._text(row, number) for row, number in zip(rows, numbers, strict=True)]
        columns = (*self._columns, "_extra", "_row_number")
        return Batch(columns, "".join(lines).encode(), first, len(lines), True, TEXT_FORMAT)

    def _text(self, row: list[str], number: int) -> str:
        extra = msgspec.json.encode({name: row[index] for index, name in self._extra.items()}).decode()
        return text_line([*(row[index] for index in self._known), extra, str(number)])


def _records(run: Run) -> list[bytes]:
    """The records without their LF; one goes over several lines where a quote is still open at a line's end."""
    lines = run.payload.split(b"\n")[:-1]
    if len(lines) == run.records:
        return lines
    odd = [index for index, line in enumerate(lines) if line.count(b'"') % 2]
    records, done = [], 0
    for opening, closing in zip(odd[::2], odd[1::2], strict=True):
        records += lines[done:opening]
        records.append(b"\n".join(lines[opening : closing + 1]))
        done = closing + 1
    return records + lines[done:]
