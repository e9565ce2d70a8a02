"""What reading a file gives: batches ready for COPY, rejects, and the counts at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

RAW_START_BYTES = 4096
"""How much of a rejected record is kept beside its place; the rest is in S3."""


@dataclass(frozen=True)
class CopyFormat:
    """`options` go into `COPY ... FROM STDIN WITH (<options>)`."""

    options: str


LINEAGE = ("_load_id", "_row_number")
"""The first two columns of every batch. Sent with the record, not filled in by the table's defaults: the reader has
time for it while the server works, and a default that asks a sequence costs the server 0.2 s per million rows."""

TEXT_FORMAT = CopyFormat("FORMAT text, ENCODING 'UTF8'")
r"""Tab between the fields, `\N` for null."""

TEXT_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def csv_format(delimiter: str, columns: tuple[str, ...]) -> CopyFormat:
    """CSV in which no field is ever null, so that an empty one lands as `''`, quoted or not."""
    quoted_delimiter = delimiter.replace("'", "''")
    names = ", ".join(f'"{column}"' for column in columns)
    return CopyFormat(f"FORMAT csv, DELIMITER '{quoted_delimiter}', ENCODING 'UTF8', FORCE_NOT_NULL ({names})")


@dataclass(frozen=True)
class Batch:
    """Some accepted records. `payload` is what COPY takes for `columns`, `LINEAGE` first, in `format`."""

    columns: tuple[str, ...]
    payload: bytes
    records: int
    format: CopyFormat


@dataclass(frozen=True)
class Reject:
    """A record that could not be read. Offset and length are bytes of the decompressed file.

    In a Parquet file a record stands in no line and at no one place: those three are null.
    """

    row_number: int
    line_number: int | None
    byte_offset: int | None
    byte_length: int | None
    rule: str
    message: str
    raw_start: bytes


@dataclass(frozen=True)
class PlacedReject(Reject):
    """A rejected record of a text file: it stands somewhere."""

    line_number: int
    byte_offset: int
    byte_length: int


@dataclass(frozen=True)
class Lines:
    """Some accepted records of a nested feed as JSON Lines: the contract's names, every value as text."""

    payload: bytes
    records: int


@dataclass
class Summary:
    """The counts of one file, complete once it has been read to its end.

    `elements` counts those of each array of a nested feed in the accepted records, by the array's table.
    """

    records_read: int = 0
    records_loaded: int = 0
    records_rejected: int = 0
    blank_lines: int = 0
    elements: Counter[str] = field(default_factory=Counter)


def text_line(values: Sequence[str | None]) -> str:
    """One row of the text format."""
    return "\t".join([r"\N" if value is None else value.translate(TEXT_ESCAPES) for value in values]) + "\n"
