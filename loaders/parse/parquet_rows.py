"""Records of a Parquet file to COPY text, column by column; a record that breaks a rule is rejected alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from loaders.contract import MAX_BYTES, Contract
from loaders.parse.batch import LINEAGE, RAW_START_BYTES, TEXT_ESCAPES, TEXT_FORMAT, Batch, Reject, Summary
from loaders.parse.names import called
from loaders.parse.parquet_text import TEXT, as_text

Rule = tuple[pa.Array, str, str]
"""Which records break it, its name, and what is wrong with them."""


class Rows:
    """Makes batches and rejects of one file's record batches.

    `columns` are the contract's for each of the file's (null: unknown), `names` the file's, each of them once.
    """

    def __init__(self, contract: Contract, columns: list[str | None], names: list[str], load_id: int) -> None:
        self._load_id = load_id
        limits = {column.name: column.max_bytes for column in contract.columns}
        self._names = names
        self._called = called(columns, names)
        self._known = [(index, column, limits[column]) for index, column in enumerate(columns) if column]
        self._unknown = [index for index, column in enumerate(columns) if not column]

    def read(self, batch: pa.RecordBatch, summary: Summary) -> Iterator[Batch | Reject]:
        """One batch's records, counted."""
        first = summary.records_read + 1
        texts, rules = self._texts(batch)
        columns = self._lineage(first, batch.num_rows) | {column: texts[index] for index, column, _ in self._known}
        if self._unknown:
            columns["_extra"] = self._extra(texts)
            rules.append(_too_long("_extra", columns["_extra"], MAX_BYTES))
        bad = _any_of(rules, batch.num_rows)
        rejected = pc.sum(bad).as_py() or 0
        summary.records_read += batch.num_rows
        summary.records_rejected += rejected
        summary.records_loaded += batch.num_rows - rejected
        if rejected:
            yield from self._rejects(texts, rules, bad, first)
            columns = {name: column.filter(pc.invert(bad)) for name, column in columns.items()}
        if batch.num_rows > rejected:
            payload = copy_text(list(columns.values()))
            yield Batch(tuple(columns), payload, batch.num_rows - rejected, TEXT_FORMAT)

    def _lineage(self, first: int, records: int) -> dict[str, pa.Array]:
        load_ids = pa.repeat(pa.scalar(str(self._load_id), TEXT), records)
        row_numbers = pa.array(range(first, first + records)).cast(TEXT)
        return dict(zip(LINEAGE, (load_ids, row_numbers), strict=True))

    def _texts(self, batch: pa.RecordBatch) -> tuple[list[pa.Array], list[Rule]]:
        """Every column as text, and the rules about what a text may be."""
        texts, rules = [], []
        for name, column in zip(self._called, batch.columns, strict=True):
            text, wrong = as_text(column)
            texts.append(text)
            if wrong is not None:
                is_time = pa.types.is_temporal(column.type)
                rule = "out_of_range" if is_time else "undecodable"
                rules.append((wrong, rule, f"{name} is {'no time of any calendar' if is_time else 'not UTF-8'}"))
            rules.append((pc.match_substring(text, "\0"), "nul", f"{name} holds a NUL character"))
        rules += [_too_long(column, texts[index], limit) for index, column, limit in self._known]
        return texts, rules

    def _extra(self, texts: list[pa.Array]) -> pa.Array:
        """The columns that the contract does not know as JSON objects of texts, one for each record."""
        names = [self._names[index] for index in self._unknown]
        records = zip(*(texts[index].to_pylist() for index in self._unknown), strict=True)
        return pa.array([_json(names, record) for record in records], TEXT)

    def _rejects(self, texts: list[pa.Array], rules: list[Rule], bad: pa.Array, first: int) -> Iterator[Reject]:
        """The records that break a rule, each with the first it breaks; what is kept of it is written as JSON."""
        for index in pc.indices_nonzero(bad).to_pylist():
            rule, message = next((rule, message) for broken, rule, message in rules if broken[index].as_py())
            raw = _json(self._names, [text[index].as_py() for text in texts]).encode()
            yield Reject(first + index, None, None, None, rule, message, raw[:RAW_START_BYTES])


def _too_long(column: str, texts: pa.Array, limit: int) -> Rule:
    broken = pc.greater(pc.binary_length(texts), limit)
    return broken, "field_too_long", f"{column} has more than the {limit} bytes that are allowed"


def _any_of(rules: list[Rule], records: int) -> pa.Array:
    nothing = pa.array([False] * records)
    return reduce(lambda found, rule: pc.or_(found, pc.fill_null(rule[0], False)), rules, nothing)


def _json(names: list[str], values: Any) -> str:
    return msgspec.json.encode(dict(zip(names, values, strict=True))).decode()


def copy_text(columns: list[pa.Array]) -> bytes:
    """Columns of text side by side in COPY's text format; the lines are one after another in Arrow's own buffer."""
    fields = [_escaped(column) for column in columns]
    records = pc.binary_join_element_wise(*fields, "\t", null_handling="replace", null_replacement=r"\N")
    lines = pc.binary_join_element_wise(records, "", "\n")
    _, ends, data = lines.buffers()
    return bytes(memoryview(data)[: memoryview(ends).cast("i")[len(lines)]])


def _escaped(texts: pa.Array) -> pa.Array:
    # The backslash stands first in the table, before those that are made here.
    for code, escape in TEXT_ESCAPES.items():
        texts = pc.replace_substring(texts, chr(code), escape)
    return texts
