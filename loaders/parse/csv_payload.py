"""Well-formed CSV records to what COPY takes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from itertools import chain

from loaders.parse.batch import LINEAGE, TEXT_FORMAT, Batch, csv_format, text_line
from loaders.parse.csv_dialect import Header
from loaders.parse.csv_extra import Extra
from loaders.parse.runs import Run, with_lineage


class Payload:
    """Makes batches of one file's records: of the file's own bytes, where the contract knows all columns."""

    def __init__(self, header: Header, extra: Extra, load_id: int) -> None:
        self._load_id = load_id
        self._delimiter = header.delimiter
        self._columns = header.known
        self._format = csv_format(header.delimiter, self._columns)
        self._known = [index for index, column in enumerate(header.columns) if column]
        self._extra = extra

    def batch(self, runs: list[Run]) -> Batch:
        """The records of some runs, in their order."""
        if self._extra:
            numbers = chain.from_iterable(run.row_numbers for run in runs)
            return self._with_extra(b"".join([run.payload for run in runs]), numbers)
        lines = [record for run in runs for record in _records(run)]
        payload = with_lineage(lines, runs, self._load_id, self._delimiter.encode())
        return Batch((*LINEAGE, *self._columns), payload, len(lines), self._format)

    def _with_extra(self, payload: bytes, numbers: Iterable[int]) -> Batch:
        """The columns the contract does not know as one JSON object in `_extra`."""
        rows = csv.reader(io.StringIO(payload.decode(), newline=""), delimiter=self._delimiter, strict=True)
        lines = [self._text(row, number) for row, number in zip(rows, numbers, strict=True)]
        columns = (*LINEAGE, *self._columns, "_extra")
        return Batch(columns, "".join(lines).encode(), len(lines), TEXT_FORMAT)

    def _text(self, row: list[str], number: int) -> str:
        known = (row[index] for index in self._known)
        return text_line([str(self._load_id), str(number), *known, self._extra.encoded(row).decode()])


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
