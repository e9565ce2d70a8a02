"""How a CSV file is written: delimiter, header, and the regular expressions that read its records.

A field is either quoted, with every quote in it doubled, or holds no quote at all (RFC 4180). A record ends with LF,
CRLF or CR. The expressions are possessive, so that no input makes them go back and forth.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from loaders.contract import Contract
from loaders.errors import ContractError, DataError, excerpt
from loaders.parse.buffer import LINE_END
from loaders.parse.names import Names, repeated

DELIMITERS = (",", ";", "\t", "|")
HEADER_WITHIN_LINES = 20
HEADER_BYTES = 64 << 10


@dataclass(frozen=True)
class Dialect:
    """One delimiter and one number of fields, with what reads them."""

    delimiter: bytes
    fields: int
    field: re.Pattern[bytes]
    record: re.Pattern[bytes]
    """One record of exactly `fields` fields with its line end."""
    quoted: re.Pattern[bytes]
    """One well-formed quoted field with nothing but its record's punctuation around it."""
    noise: bytes
    """Every byte that is neither delimiter nor LF."""
    skeleton: bytes
    """What is left of a record without its noise."""

    @classmethod
    def of(cls, delimiter: str, fields: int) -> Dialect:
        mark = delimiter.encode()
        field, escaped = field_pattern(mark), re.escape(mark)
        record = field + b"(?:" + escaped + field + b"){%d}" % (fields - 1) + rb"(?:\r\n?|\n|\Z)"
        quoted = rb'"(?<![^\n%b]")[^"]*+(?:""[^"]*+)*+"(?=[%b\r\n])' % (escaped, escaped)
        return cls(
            delimiter=mark,
            fields=fields,
            field=re.compile(field),
            record=re.compile(record),
            quoted=re.compile(quoted),
            noise=bytes(set(range(256)) - set(mark + b"\n")),
            skeleton=mark * (fields - 1) + b"\n",
        )


def field_pattern(delimiter: bytes) -> bytes:
    return rb'(?:"(?:[^"]++|"")*+"|[^"\r\n%b]*+)' % re.escape(delimiter)


@dataclass(frozen=True)
class Header:
    """What a file's columns are: `names` as they stand there, `columns` as the contract calls them (null: unknown).

    `length` is the bytes up to the first record.
    """

    delimiter: str
    names: tuple[str, ...]
    columns: tuple[str | None, ...]
    length: int = 0

    @property
    def known(self) -> tuple[str, ...]:
        return tuple(column for column in self.columns if column is not None)


def find_header(data: bytes, contract: Contract) -> Header:
    """The header within the first lines of a file, in the dialect in which it says most of what the contract knows.

    Raises DataError when there is none, when it lacks a column of the record key, or has a known column twice; also
    when another one with the record key stands above it, for what is between them would be lost.
    """
    delimiters = _delimiters(contract)
    if not contract.header:
        return _agreed_header(data, contract, delimiters)
    if not data.strip():
        raise DataError("the file is empty, without even a header", remedy="deliver the file again, complete")
    names = Names.of(contract)
    lines = [
        max((_candidate(data, start, mark, names) for mark in delimiters), key=_known) for start in _line_starts(data)
    ]
    header = max(lines, key=_known)
    if not header.known:
        expected = ", ".join(column.source_name for column in contract.columns)
        raise DataError(
            f"no header of feed {contract.feed} in the first {HEADER_WITHIN_LINES} lines; the file begins with"
            f" {_shown(data)}",
            remedy=f"deliver a file with the columns {expected}",
        )
    _check(header, contract)
    above = [line for line in lines[: lines.index(header)] if _holds_records(line, contract)]
    if above:
        raise DataError(
            f"a header stands in line {lines.index(above[0]) + 1}, and another one in line {lines.index(header) + 1}",
            remedy="deliver what stands under each as a file of its own",
        )
    return header


def _known(header: Header) -> int:
    return len(set(header.known))


def _holds_records(header: Header, contract: Contract) -> bool:
    """Whether records could stand under it: one column alone is more likely spoken of in a preamble."""
    return len(header.known) > 1 and set(header.known) >= set(contract.key)


def _delimiters(contract: Contract) -> tuple[str, ...]:
    if contract.delimiter is None:
        return DELIMITERS
    if len(contract.delimiter) != 1 or contract.delimiter in '"\r\n\0' or not contract.delimiter.isascii():
        raise ContractError(f"delimiter {contract.delimiter!r} is not one ASCII character that can part fields")
    return (contract.delimiter,)


def _agreed_header(data: bytes, contract: Contract, delimiters: tuple[str, ...]) -> Header:
    """The contract's columns in their order, for a file that has no header because the contract says so."""
    names, columns = tuple(column.source_name for column in contract.columns), contract.column_names
    for delimiter in delimiters:
        if not data or len(columns) == 1 or Dialect.of(delimiter, len(columns)).record.match(data):
            return Header(delimiter, names, columns)
    raise DataError(
        f"the first record does not have the {len(columns)} fields of feed {contract.feed}",
        remedy="name the delimiter in the contract, or deliver the columns it lists",
    )


def _line_starts(data: bytes) -> list[int]:
    starts = [0]
    for end in LINE_END.finditer(data):
        if len(starts) == HEADER_WITHIN_LINES or end.end() == len(data):
            break
        starts.append(end.end())
    return starts


def _candidate(data: bytes, start: int, delimiter: str, names: Names) -> Header:
    """The line at `start` read as a header, without columns where it cannot be one."""
    mark = delimiter.encode()
    field = field_pattern(mark)
    whole = re.compile(field + b"(?:" + re.escape(mark) + field + rb")*+(?:\r\n?|\n|\Z)").match(data, start)
    if whole is None or whole.end() - start > HEADER_BYTES:
        return Header(delimiter, (), ())
    text = whole[0].rstrip(b"\r\n")
    found = tuple(unquoted(piece).decode("utf-8", "replace") for piece in split_fields(text, re.compile(field)))
    return Header(delimiter, found, tuple(names.columns(found)), whole.end())


def split_fields(record: bytes, field: re.Pattern[bytes]) -> list[bytes]:
    """The fields of a well-formed record without its line end, as they stand."""
    fields, position = [], 0
    while match := field.match(record, position):
        fields.append(match[0])
        position = match.end() + 1
        if match.end() >= len(record):
            break
    return fields


def unquoted(field: bytes) -> bytes:
    """A field's value."""
    return field[1:-1].replace(b'""', b'"') if field.startswith(b'"') else field


def _check(header: Header, contract: Contract) -> None:
    twice = repeated(header.columns)
    if twice is not None:
        raise DataError(f"the header has column {twice} twice", remedy="deliver each column once")
    missing = [column for column in contract.key if column not in header.known]
    if missing:
        raise DataError(
            f"the header lacks {', '.join(missing)}, which the record key of feed {contract.feed} needs",
            remedy="deliver the file with its key columns, or change the contract",
        )


def _shown(data: bytes) -> str:
    return excerpt(data[:40].decode("utf-8", "replace"))
