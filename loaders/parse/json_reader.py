"""JSON in each of its forms to batches: an array, JSON Lines, objects one after another, or an array under a path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic

from loaders.contract import Contract
from loaders.errors import DataError
from loaders.parse.batch import Reject, Summary
from loaders.parse.buffer import Buffer
from loaders.parse.json_array import read_array, read_value
from loaders.parse.json_document import enter, is_json_lines, leave
from loaders.parse.json_intake import Piece, RecordIntake
from loaders.parse.json_lexer import Lexer
from loaders.parse.json_lines import read_lines


class JsonReader(Generic[Piece]):
    """One JSON file. Iterating gives its pieces and rejects; `promised_lines`: its name promises JSON Lines."""

    def __init__(
        self,
        buffer: Buffer,
        contract: Contract,
        summary: Summary,
        intake: RecordIntake[Piece],
        promised_lines: bool,
    ) -> None:
        self._buffer = buffer
        self._contract = contract
        self._summary = summary
        self._promised_lines = promised_lines
        self._lexer = Lexer(buffer)
        self._intake = intake

    def __iter__(self) -> Iterator[Piece | Reject]:
        intake = self._intake
        for reject in self._form():
            if reject is not None:
                yield reject
            if intake.is_full and (piece := intake.taken()) is not None:
                yield piece
        if (piece := intake.taken()) is not None:
            yield piece
        self._check_key()

    def _form(self) -> Iterator[Reject | None]:
        """Read the file as what it is."""
        lexer, intake = self._lexer, self._intake
        path = tuple(self._contract.json_path.split(".")) if self._contract.json_path else ()
        if path and lexer.peek():
            enter(lexer, path)
            yield from read_array(lexer, intake)
            leave(lexer, path)
        elif self._has_lines():
            yield from read_lines(self._buffer, intake, self._summary)
        elif lexer.peek() == b"[":
            yield from read_array(lexer, intake)
        else:
            while lexer.peek():
                yield read_value(lexer, intake)
        if lexer.peek():
            raise lexer.broken("the document has ended, but the file goes on")

    def _has_lines(self) -> bool:
        data = self._buffer.data
        begins = data.lstrip()[:1]
        return self._promised_lines or begins not in (b"", b"[", b"{") or (begins == b"{" and is_json_lines(data))

    def _check_key(self) -> None:
        """A file in which no record has the key is another feed's."""
        missing = [column for column in self._contract.key if column not in self._intake.seen]
        if missing and self._summary.records_loaded:
            raise DataError(
                f"no record has {', '.join(missing)}, which the record key of feed {self._contract.feed} needs",
                remedy="deliver records with their key, or change the contract",
            )
