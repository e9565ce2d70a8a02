"""One JSON record, read exactly: every number keeps its text, and what JSON leaves open is refused by name."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import msgspec

from loaders.errors import excerpt
from loaders.parse.names import SHOWN

MAX_DEPTH = 100
"""Deeper nesting is refused: readers after this one would run out of stack."""

TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]++|[\]}]++|"', re.DOTALL)
"""What tells where a value ends: whole strings, rows of brackets, or the quote of a string not ending in the data."""

_QUOTE_BY_NUMBER = re.compile(rb"(?<!\\)(?:\\\\)*\\u0022")

SURROGATE = re.compile("[\ud800-\udfff]")
OPENING, CLOSING = b"{[", b"}]"


class Violation(ValueError):  # noqa: N818 - it is about the record
    """Why a record is rejected alone although its text may be JSON. `place` is the value's, in the contract's names."""

    def __init__(self, rule: str, message: str, place: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.place = place
        self._message = message

    @property
    def message(self) -> str:
        """What is wrong, with its place."""
        return f"{self.place} {self._message}" if self.place else self._message

    def in_element(self, array: str, position: int) -> None:
        """Tells in which element of an array the place is, 1 for the first, as in the column `_position`."""
        self.place = f"{array}[{position}]{self.place.removeprefix(array)}"


class Malformed(Violation):
    """The text is not JSON; `position` is the byte of the record where that shows."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__("malformed", message)
        self.position = position


def parsed(record: bytes) -> dict[str, Any]:
    """The members of a record; a number is `msgspec.Raw` of its text.

    Raises Malformed where the text is not JSON, Violation where it is and the record is refused nevertheless.
    """
    if b"\0" in record:
        raise Violation("nul", "the record holds a NUL byte")
    if depth_of(record) > MAX_DEPTH:
        raise Violation("too_deep", f"the record nests more than {MAX_DEPTH} levels")
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the record is not in the file's encoding"
        raise Violation("undecodable", message) from error
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(error.msg, len(text[: error.pos].encode())) from error
    if not isinstance(value, dict):
        raise Violation("not_an_object", f"an object is expected, not {kind_of(value)}")
    if "\\u" in text:
        _check_text(value)
    return value


def _number(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


def _constant(word: str) -> NoReturn:
    raise Violation("not_a_number", f"{word} is not a JSON number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Violation("duplicate_name", f"the name {excerpt(twice[:SHOWN])} stands twice in one object")
    return members


_DECODER = json.JSONDecoder(
    parse_float=_number, parse_int=_number, parse_constant=_constant, object_pairs_hook=_members
)


def quotes_when_encoded(text: bytes) -> int:
    """How many times `"` stands in a JSON text once it is decoded and encoded again, where no name of an object stands
    twice: as often as in the text, and for each quote that a string of it writes by its number."""
    by_number = len(_QUOTE_BY_NUMBER.findall(text)) if rb"\u0022" in text else 0
    return text.count(b'"') + by_number


def depth_of(record: bytes) -> int:
    """The levels of nesting, 0 where there are too few brackets for it to matter."""
    if record.count(b"{") + record.count(b"[") < MAX_DEPTH:
        return 0
    depth = deepest = 0
    for token in TOKEN.finditer(record):
        mark = record[token.start()]
        if mark in OPENING:
            depth += len(token[0])
            deepest = max(deepest, depth)
        elif mark in CLOSING:
            depth -= len(token[0])
    return deepest


def _check_text(value: Any) -> None:
    """Refuse what no database takes as text: half a surrogate pair, and NUL."""
    if isinstance(value, str):
        if "\0" in value:
            raise Violation("nul", "the record holds \\u0000")
        if SURROGATE.search(value):
            raise Violation("lone_surrogate", "the record holds half of a surrogate pair")
    elif isinstance(value, dict):
        for name, member in value.items():
            _check_text(name)
            _check_text(member)
    elif isinstance(value, list):
        for element in value:
            _check_text(element)


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    names = {
        str: "a string",
        bool: "true or false",
        list: "an array",
        msgspec.Raw: "a number",
        int: "a number",
        dict: "an object",
        type(None): "null",
    }
    return names[type(value)]
