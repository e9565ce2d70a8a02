"""The bytes of a dropped file to batches for COPY and rejects, in bounded memory.

Reading goes through four steps: `compression` and `encoding` give UTF-8 text, `content` tells what it is, and
`csv_reader` or `json_reader` cut it into records. A Parquet file goes from `compression` to `parquet_reader`.
"""

from __future__ import annotations

from collections.abc import Iterator

from loaders.contract import Contract
from loaders.errors import DataError, LoaderError
from loaders.parse.batch import Batch, CopyFormat, Lines, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, Buffer
from loaders.parse.compression import ByteSource, Decompressed
from loaders.parse.content import is_parquet, promises_lines, recognized
from loaders.parse.csv_reader import CsvReader
from loaders.parse.encoding import Utf8Source
from loaders.parse.json_intake import Intake, Piece
from loaders.parse.json_nested import NestedIntake, ObjectIntake
from loaders.parse.json_reader import JsonReader

__all__ = ["Batch", "CopyFormat", "Lines", "Reader", "Reject", "Summary", "read", "read_nested"]


class Reader(Iterator[Piece | Reject]):
    """One file's pieces and rejects, in the order of the file; `summary` is complete when they end."""

    def __init__(self, name: str, contract: Contract, summary: Summary, parts: Iterator[Piece | Reject]) -> None:
        self.summary = summary
        self._name = name
        self._feed = contract.feed
        self._parts = parts

    def __next__(self) -> Piece | Reject:
        try:
            return next(self._parts)
        except LoaderError as refusal:
            refusal.object_key = refusal.object_key or self._name
            refusal.feed = refusal.feed or self._feed
            raise


def read(stream: ByteSource, name: str, contract: Contract, load_id: int = 0) -> Reader[Batch]:
    """Read a file, compressed or not, CSV, JSON or Parquet by what it holds. `name` is its object key.

    `load_id` goes into every record's `_load_id`; 0, which no load has, is for a file that is only looked at.

    The stream is read to its end unless DataError is raised, which refuses the whole file: nothing of it may stay.
    Raises ContractError where the contract asks for what cannot be done.
    """
    summary = Summary()
    return Reader(name, contract, summary, _batches(stream, name, contract, load_id, summary))


def read_nested(stream: ByteSource, name: str, contract: Contract) -> Reader[Lines]:
    """Read a file of a nested feed, JSON in any of its forms, compressed or not; the rest is as for `read`."""
    summary = Summary()
    return Reader(name, contract, summary, _lines(stream, name, contract, summary))


def _batches(
    stream: ByteSource, name: str, contract: Contract, load_id: int, summary: Summary
) -> Iterator[Batch | Reject]:
    source = Decompressed(stream)
    if is_parquet(source.peek(4), name):
        # Imported here: pyarrow is most of a start.
        from loaders.parse.parquet_reader import ParquetReader

        yield from ParquetReader(source, contract, summary, load_id)
        return
    buffer = Buffer(Utf8Source(source, contract.encoding))
    buffer.fill(BLOCK_BYTES)
    if recognized(buffer.data[:BLOCK_BYTES], name) == "csv":
        yield from CsvReader(buffer, contract, summary, load_id)
    else:
        has_objects = any(column.inside for column in contract.columns)
        intake = (ObjectIntake if has_objects else Intake)(buffer, contract, summary, load_id)
        yield from JsonReader(buffer, contract, summary, intake, promises_lines(name))


def _lines(stream: ByteSource, name: str, contract: Contract, summary: Summary) -> Iterator[Lines | Reject]:
    source = Decompressed(stream)
    is_nested = not is_parquet(source.peek(4), name)
    if is_nested:
        buffer = Buffer(Utf8Source(source, contract.encoding))
        buffer.fill(BLOCK_BYTES)
        is_nested = recognized(buffer.data[:BLOCK_BYTES], name) == "json"
    if not is_nested:
        raise DataError("the file is not JSON, and the feed's records are nested", remedy="deliver the records as JSON")
    yield from JsonReader(buffer, contract, summary, NestedIntake(buffer, contract, summary), promises_lines(name))
