"""Flat Parquet files to batches, by row group and in pieces of them; imports pyarrow, so only for Parquet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from loaders.contract import Contract
from loaders.errors import DataError, excerpt
from loaders.parse.batch import Batch, Reject, Summary
from loaders.parse.compression import ByteSource, keep
from loaders.parse.names import Names, repeated, unique
from loaders.parse.parquet_rows import Rows
from loaders.parse.parquet_text import is_readable

CHUNK = 1 << 20
BATCH_BYTES = 4 << 20
"""How much text is made at once, more or less; a single record may be longer."""
BATCH_ROWS = 16_384
DICTIONARY_BYTES = 16 << 20
"""How much of a row group's text may be held as dictionaries."""
DAMAGE = (pa.ArrowException, OSError, ValueError, LookupError)
"""What pyarrow raises for a file that is not as its footer says; the last two for damaged names."""


class ParquetReader:
    """One Parquet file. Iterating gives its batches and rejects.

    The footer, which tells where everything is, stands at the end: the file is kept on disk while it is read. Raises
    DataError where the file is damaged, nested or lacks a key column, TerminalError where the disk has no room for it.
    """

    def __init__(self, source: ByteSource, contract: Contract, summary: Summary, load_id: int) -> None:
        self._source = source
        self._contract = contract
        self._summary = summary
        self._load_id = load_id

    def __iter__(self) -> Iterator[Batch | Reject]:
        with tempfile.TemporaryFile() as spool:
            keep(self._source, spool)
            with _damage_refused():
                file = _opened(spool)
            columns, names = _columns(file.schema_arrow, self._contract), unique(file.schema_arrow.names)
            rows = Rows(self._contract, columns, names, self._load_id)
            for batch in _batches(spool, file):
                yield from rows.read(batch, self._summary)


def _opened(spool: IO[bytes], metadata: pq.FileMetaData | None = None, texts: Sequence[str] = ()) -> pq.ParquetFile:
    """The file, the columns `texts` to be read as dictionaries."""
    return pq.ParquetFile(
        spool,
        metadata=metadata,
        read_dictionary=texts,
        # Read in pieces as they are decoded, not a row group's whole column at once.
        buffer_size=CHUNK,
        pre_buffer=False,
        # Spark's old timestamps: nanoseconds would wrap around silently before 1677 and after 2262.
        coerce_int96_timestamp_unit="us",
        page_checksum_verification=True,
    )


def _repeating(group: pq.RowGroupMetaData, schema: pa.Schema) -> list[str]:
    """The text columns of a row group to be read as dictionaries, so that a long value of many rows is held once.

    What is read so stays in memory until the row group ends, so it is only done where that is little. Arrow does not
    read the delta encodings so, which writers of format 2 prefer.
    """
    chunks = [group.column(index) for index in range(group.num_columns)]
    texts = [
        chunk
        for chunk, field in zip(chunks, schema, strict=True)
        if _is_text(field.type) and not any(encoding.startswith("DELTA") for encoding in chunk.encodings)
    ]
    texts.sort(key=lambda chunk: chunk.total_uncompressed_size)
    sizes = accumulate(chunk.total_uncompressed_size for chunk in texts)
    return [chunk.path_in_schema for chunk, size in zip(texts, sizes, strict=True) if size <= DICTIONARY_BYTES]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_binary(kind))


def _columns(schema: pa.Schema, contract: Contract) -> list[str | None]:
    """The contract's column of each of the file's; null where the contract does not know it."""
    columns = Names.of(contract).columns(schema.names)
    nested = next((field for field in schema if not is_readable(field.type)), None)
    if nested is not None:
        raise DataError(
            f"column {excerpt(nested.name)} is {excerpt(str(nested.type))}, which has no text of its own",
            remedy="deliver flat columns of text, numbers, dates and times, or nested records as JSON",
        )
    if (twice := repeated(columns)) is not None:
        raise DataError(f"the file has column {twice} twice", remedy="deliver each column once")
    missing = [column for column in contract.key if column not in columns]
    if missing:
        raise DataError(
            f"the file lacks {', '.join(missing)}, which the record key of feed {contract.feed} needs",
            remedy="deliver the file with its key columns, or change the contract",
        )
    return columns


def _batches(spool: IO[bytes], file: pq.ParquetFile) -> Iterator[pa.RecordBatch]:
    for index in range(file.metadata.num_row_groups):
        with _damage_refused():
            # Damage in what describes a column is an error here, and the end of the process where `column()` meets it.
            next(file.iter_batches(1, row_groups=[index]), None)
            group = file.metadata.row_group(index)
            rows = BATCH_BYTES * group.num_rows // max(group.total_byte_size, 1)
            part = _opened(spool, file.metadata, _repeating(group, file.schema_arrow))
            batches = part.iter_batches(max(1, min(rows, BATCH_ROWS)), row_groups=[index])
        while (batch := _next(batches)) is not None:
            with _damage_refused():
                pieces = list(_pieces(batch))
            yield from pieces


def _next(batches: Iterator[pa.RecordBatch]) -> pa.RecordBatch | None:
    with _damage_refused():
        batch = next(batches, None)
        if batch is not None:
            for column in batch.columns:
                column.validate()
        return batch


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch, cut until none of its pieces is long when its dictionaries are written out."""
    if batch.num_rows < 2 or _text_bytes(batch) <= BATCH_BYTES:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _pieces(batch.slice(0, half))
    yield from _pieces(batch.slice(half))


def _text_bytes(batch: pa.RecordBatch) -> int:
    dictionaries = [column for column in batch.columns if pa.types.is_dictionary(column.type)]
    lengths = (pc.binary_length(column.dictionary).take(column.indices) for column in dictionaries)
    return sum(pc.sum(length.cast(pa.int64())).as_py() or 0 for length in lengths)


@contextmanager
def _damage_refused() -> Iterator[None]:
    try:
        yield
    except DAMAGE as damage:
        raise DataError(
            f"the Parquet file is damaged, cut off or encrypted ({excerpt(str(damage))})",
            remedy="deliver the file again, complete and not encrypted",
        ) from damage
