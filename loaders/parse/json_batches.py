"""Collects the accepted records of a JSON file into batches."""

from __future__ import annotations

from collections.abc import Iterable

from loaders.contract import Contract
from loaders.parse.batch import LINEAGE, TEXT_FORMAT, Batch, Summary
from loaders.parse.buffer import BLOCK_BYTES
from loaders.parse.json_rows import Row
from loaders.parse.runs import Run, extend, with_lineage

NULL = rb"\N"


class Batches:
    """Rows of COPY text, until there are enough for a batch."""

    def __init__(self, contract: Contract, summary: Summary, load_id: int) -> None:
        self._columns = (*LINEAGE, *contract.column_names)
        self._load_id = load_id
        self._summary = summary
        self._has_extra = False
        self._clear()

    def _clear(self) -> None:
        self._runs: list[Run] = []
        self._records = 0
        self._extras: dict[int, bytes] = {}
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        return self._bytes >= BLOCK_BYTES

    def add(self, row: Row) -> None:
        self.extend(row.line + b"\n", 1, (row.extra,))

    def extend(self, payload: bytes, records: int, extras: Iterable[bytes | None]) -> None:
        """Add rows, each with its LF, and what each has for `_extra`; `extras` may end early."""
        self._extras.update((index, extra) for index, extra in enumerate(extras, self._records) if extra is not None)
        self._has_extra = self._has_extra or bool(self._extras)
        extend(self._runs, self._summary.records_read + 1, payload, records)
        self._summary.records_read += records
        self._summary.records_loaded += records
        self._records += records
        self._bytes += len(payload)

    def taken(self) -> Batch | None:
        """What was collected; null when nothing was. From the first record that needs `_extra` on, batches have it."""
        if not self._runs:
            return None
        columns, runs = self._columns, self._runs
        lines = b"".join([run.payload for run in runs]).split(b"\n")[:-1]
        if self._has_extra:
            columns = (*columns, "_extra")
            lines = [line + b"\t" + self._extras.get(index, NULL) for index, line in enumerate(lines)]
        batch = Batch(columns, with_lineage(lines, runs, self._load_id, b"\t"), self._records, TEXT_FORMAT)
        self._clear()
        return batch
