"""The bytes of a dropped file to batches for COPY and rejects, in bounded memory.

Reading goes through four steps: `compression` and `encoding` give UTF-8 text, `content` tells what it is, and
`csv_reader` or `json_reader` cut it into records. A Parquet file goes from `compression` to `parquet_reader`.
"""

from __future__ import annotations

from collections.abc import Iterator

from loaders.contract import Contract
from loaders.errors import LoaderError
from loaders.parse.batch import Batch, CopyFormat, Reject, Summary
from loaders.parse.buffer import BLOCK_BYTES, Buffer
from loaders.parse.compression import ByteSource, Decompressed
from loaders.parse.content import is_parquet, promises_lines, recognized
from loaders.parse.csv_reader import CsvReader
from loaders.parse.encoding import Utf8Source
from loaders.parse.json_reader import JsonReader

__all__ = ["Batch", "CopyFormat", "Reader", "Reject", "Summary", "read"]


class Reader(Iterator[Batch | Reject]):
    """One file's batches and rejects, in the order of the file; `summary` is complete when they end."""

    def __init__(self, stream: ByteSource, name: str, contract: Contract, load_id: int) -> None:
        self.summary = Summary()
        self._name = name
        self._contract = contract
        self._load_id = load_id
        self._parts = self._read(stream)

    def __next__(self) -> Batch | Reject:
        try:
            return next(self._parts)
        except LoaderError as refusal:
            refusal.object_key = refusal.object_key or self._name
            refusal.feed = refusal.feed or self._contract.feed
            raise

    def _read(self, stream: ByteSource) -> Iterator[Batch | Reject]:
        source = Decompressed(stream)
        if is_parquet(source.peek(4), self._name):
            # Imported here: pyarrow is most of a start.
            from loaders.parse.parquet_reader import ParquetReader

            yield from ParquetReader(source, self._contract, self.summary, self._load_id)
            return
        buffer = Buffer(Utf8Source(source, self._contract.encoding))
        buffer.fill(BLOCK_BYTES)
        kind = recognized(buffer.data[:BLOCK_BYTES], self._name)
        if kind == "csv":
            yield from CsvReader(buffer, self._contract, self.summary, self._load_id)
        else:
            lines = promises_lines(self._name)
            yield from JsonReader(buffer, self._contract, self.summary, self._load_id, lines)


def read(stream: ByteSource, name: str, contract: Contract, load_id: int = 0) -> Reader:
    """Read a file, compressed or not, CSV, JSON or Parquet by what it holds. `name` is its object key.

    `load_id` goes into every record's `_load_id`; 0, which no load has, is for a file that is only looked at.

    The stream is read to its end unless DataError is raised, which refuses the whole file: nothing of it may stay.
    Raises ContractError where the contract asks for what cannot be done.
    """
    return Reader(stream, name, contract, load_id)
