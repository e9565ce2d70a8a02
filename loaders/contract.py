"""What a feed promises: values read from `contracts/<feed>.odcs.yaml`, and the questions the pipeline asks about them.

Reading and checking the files is in `loaders.contract_file`; `load_contracts` here is the way in.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal

LogicalType = Literal["string", "integer", "number", "date", "timestamp"]
"""ODCS `logicalType` of a value; `number` is an exact decimal. `object` and `array` hold values."""

Severity = Literal["error", "warning"]
Route = Literal["lambda", "glue"]
"""What lands a file: the Lambda alone, or Spark on Glue between two Lambdas."""

CONTRACTS_DIRECTORY = Path(__file__).resolve().parent.parent / "contracts"
RESERVED_PREFIXES = ("lake/", "work/", "artifacts/")
"""Prefixes of the bucket that the pipeline writes itself; an object there is no drop."""

MEANINGLESS = re.compile(r"[\W_]+")

MAX_BYTES = 65_535
"""Redshift's limit for a varchar, in bytes; RDS keeps to it so that both databases hold the same rows."""

NAME_CHARACTERS = 63
"""PostgreSQL cuts longer names off."""


@dataclass(frozen=True)
class Rule:
    """A promise about one value. Broken with severity `error` the value becomes null in staging; `warning` keeps it.

    `check` is one of `minimum`, `exclusive_minimum`, `maximum`, `exclusive_maximum` (value: a number as text),
    `accepted_values` (value: a tuple of words, compared without case) and `not_after_delivery` (value: null).
    """

    name: str
    check: str
    value: str | tuple[str, ...] | None
    severity: Severity = "error"


@dataclass(frozen=True)
class Tolerated:
    """How much dirt is usual in a column, in percent of the records that count; more is a warning of the build.

    `missing` values of a required column, and `invalid` ones: unreadable, or against a rule. Not stated is 0.
    """

    missing: str = "0"
    invalid: str = "0"


@dataclass(frozen=True)
class Step:
    """One name on the way to a value inside a record: the contract's, and the file's."""

    name: str
    source_name: str


@dataclass(frozen=True)
class Column:
    """One column of a feed. `name` is the raw table's, `source_name` the file's; `data_type` is the staged SQL type.

    `inside` are the objects of the record, or of the array's element, that the value stands in, from the outermost.
    """

    name: str
    source_name: str
    type: LogicalType
    data_type: str
    description: str
    required: bool = False
    max_bytes: int = MAX_BYTES
    date_formats: tuple[str, ...] = ()
    empty_words: tuple[str, ...] = ()
    letter_case: Literal["upper", "lower"] | None = None
    rules: tuple[Rule, ...] = ()
    tolerated: Tolerated = Tolerated()
    inside: tuple[Step, ...] = ()

    @property
    def path(self) -> tuple[Step, ...]:
        """The way to the value, its own name last."""
        name = self.name.removeprefix("".join(f"{step.name}_" for step in self.inside))
        return (*self.inside, Step(name, self.source_name))


@dataclass(frozen=True)
class ArrayTable:
    """An array of a record, and the raw table that its elements become: one row per element.

    `name` is the table's, `path` the way to the array from the record, or from the element of the array around it.
    Where the elements are scalars there is one column, without a path of its own.
    """

    name: str
    path: tuple[Step, ...]
    description: str
    columns: tuple[Column, ...]
    arrays: tuple[ArrayTable, ...] = ()
    of_scalars: bool = False

    @property
    def prefix(self) -> str:
        """What the array is called in names made of several: its path with underscores."""
        return "_".join(step.name for step in self.path)


@dataclass(frozen=True)
class Freshness:
    """Hours after the newest delivery at which the feed is reported late, and failed."""

    warn_after_hours: int
    error_after_hours: int


@dataclass(frozen=True)
class Contract:
    """What one feed promises. `key` names the record key's columns, in order.

    `encoding` and `delimiter` are null when the loader is to find them out; `json_path` names the array in a JSON
    document (dotted names), null for the document itself. `arrays` are those of the records: a feed that has any is
    nested, and its files go by way of Glue.
    """

    feed: str
    version: str
    description: str
    owner: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    delivery: Literal["full", "delta"]
    on_rewrite: Literal["add", "replace"]
    file_patterns: tuple[str, ...]
    freshness: Freshness
    allow_empty: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    header: bool = True
    json_path: str | None = None
    arrays: tuple[ArrayTable, ...] = ()

    @property
    def route(self) -> Route:
        """The way of the feed's files: nested ones go by way of Glue."""
        return "glue" if self.arrays else "lambda"

    @property
    def key_columns(self) -> tuple[Column, ...]:
        """The columns of the record key, in its order."""
        return tuple(column for name in self.key for column in self.columns if column.name == name)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The raw table's contract columns, in order."""
        return tuple(column.name for column in self.columns)

    def matches_file(self, name: str) -> bool:
        """Whether a file of this name (no path) is this feed's, without regard to case."""
        return any(fnmatch.fnmatchcase(name.lower(), pattern.lower()) for pattern in self.file_patterns)


def load_contracts(directory: Path = CONTRACTS_DIRECTORY) -> Mapping[str, Contract]:
    """All contracts of a directory by feed, in the order of their names.

    Raises ContractError with every mistake of every file, one per line.
    """
    return _load(directory.resolve())


@cache
def _load(directory: Path) -> Mapping[str, Contract]:
    # Imported here, against a circle: reading makes the values that are defined in this module.
    from loaders.contract_file import read_directory

    return MappingProxyType(read_directory(directory))


def normalized(name: str) -> str:
    """A name without case, blanks, underscores and punctuation: `Transaction ID` and `transaction_id` agree."""
    return MEANINGLESS.sub("", unicodedata.normalize("NFKC", name).casefold())


def is_drop(object_key: str, size: int) -> bool:
    """Whether an object is a delivery: all but the reserved prefixes and the folder markers of the S3 console.

    Such a marker is an empty object: one that holds something is a delivery, whatever its name ends with.
    """
    is_folder = size == 0 and object_key.endswith("/")
    return not object_key.startswith(RESERVED_PREFIXES) and not is_folder


def feed_of(object_key: str, contracts: Iterable[Contract]) -> str | None:
    """The feed of an object: by its path `raw/<feed>/...`, else by its file name; null when none or several match."""
    known = {contract.feed: contract for contract in contracts}
    parts = object_key.split("/")
    if len(parts) > 2 and parts[0] == "raw":
        return parts[1] if parts[1] in known else None
    matching = [feed for feed, contract in known.items() if contract.matches_file(parts[-1])]
    return matching[0] if len(matching) == 1 else None
