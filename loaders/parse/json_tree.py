"""What a record of a nested feed may look like, and a record as the contract sees it.

A record is rejected where its structure is another: an object or an array is expected and something else is there. The
message says where, `lines[3].quantity` of the third line: names of the contract and positions, never a value. A missing
one is none, a value that is nested where the contract knows a scalar is text: its compact JSON.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from loaders.contract import MAX_BYTES, ArrayTable, Column, Contract, Step, normalized
from loaders.parse.json_record import Violation, kind_of
from loaders.parse.json_rows import require_length, text_of
from loaders.parse.names import repeated

REMEMBERED_SHAPES = 1000
EXTRA = "_extra"


class Node(ABC):
    """One place of the contract's tree; `name` is what messages call it."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def convert(self, value: Any, elements: Counter[str], extra: dict[str, Any]) -> Any:
        """The value as the contract sees it; counts array elements, and collects in `extra` what it does not know.

        Raises Violation where the value cannot stand there.
        """


class Scalar(Node):
    """A value."""

    def __init__(self, name: str, max_bytes: int) -> None:
        super().__init__(name)
        self._max_bytes = max_bytes

    def convert(self, value: Any, elements: Counter[str], extra: dict[str, Any]) -> Any:
        return None if value is None else self.text(value)

    def text(self, value: Any) -> str:
        """A value that is not null as text."""
        kind = type(value)
        text: str = value if kind is str else str(value) if kind is int else str(text_of(value))
        # No character has more than four bytes.
        if len(text) * 4 > self._max_bytes:
            require_length(self.name, self._max_bytes, text)
        return text


class Object(Node):
    """An object, or a whole record: its members, which may be objects again. `columns` names them for `seen`."""

    def __init__(self, name: str, seen: set[str]) -> None:
        super().__init__(name)
        self._seen = seen
        self._members: dict[str, tuple[str, Node]] = {}
        self._shapes: dict[tuple[str, ...], list[tuple[str, Node] | None]] = {}

    def add(self, step: Step, node: Node) -> None:
        """Makes a member known under both its names."""
        for name in (step.name, step.source_name):
            self._members[normalized(name)] = (step.name, node)

    def object_at(self, step: Step) -> Object:
        """The object that is a member, made when it is not there yet."""
        found = self._members.get(normalized(step.source_name))
        if found is not None and isinstance(found[1], Object):
            return found[1]
        made = Object(f"{self.name}.{step.name}" if self.name else step.name, self._seen)
        self.add(step, made)
        return made

    def convert(self, value: Any, elements: Counter[str], extra: dict[str, Any]) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise Violation("not_an_object", f"is {kind_of(value)}, an object is expected", self.name)
        return self.members(value, elements, extra)

    def members(self, value: Mapping[str, Any], elements: Counter[str], extra: dict[str, Any]) -> dict[str, Any]:
        """The members that the contract knows and that are not null."""
        found: dict[str, Any] = {}
        for (name, member), known in zip(value.items(), self._shape(tuple(value)), strict=True):
            if known is None:
                extra[name] = member
            elif member is not None:
                if isinstance(known[1], Scalar):
                    found[known[0]] = known[1].text(member)
                    continue
                inner: dict[str, Any] = {}
                found[known[0]] = known[1].convert(member, elements, inner)
                if inner:
                    extra[name] = inner
        return found

    def _shape(self, names: tuple[str, ...]) -> list[tuple[str, Node] | None]:
        """The member of the contract that each name of an object means."""
        shape = self._shapes.get(names)
        if shape is None:
            shape = [self._members.get(normalized(name)) for name in names]
            if (twice := repeated([known[0] if known else None for known in shape])) is not None:
                raise Violation("duplicate_name", f"has two names that mean {twice}", self.name or "the record")
            self._seen |= {known[1].name for known in shape if known}
            if len(self._shapes) < REMEMBERED_SHAPES:
                self._shapes[names] = shape
        return shape


class Table(Object):
    """A record, or an element of an array: what the contract does not know of it is kept with it, as text."""

    def convert(self, value: Any, elements: Counter[str], extra: dict[str, Any]) -> Any:
        unknown: dict[str, Any] = {}
        converted = super().convert(value, elements, unknown)
        if unknown:
            text = text_of(unknown)
            require_length(f"{self.name}.{EXTRA}" if self.name else EXTRA, MAX_BYTES, text)
            converted[EXTRA] = text
        return converted


class Array(Node):
    """An array, its elements counted under its table's name."""

    def __init__(self, name: str, table: str, element: Node) -> None:
        super().__init__(name)
        self._table = table
        self._element = element

    def convert(self, value: Any, elements: Counter[str], extra: dict[str, Any]) -> Any:
        if value is None:
            return None
        if not isinstance(value, list):
            raise Violation("not_an_array", f"is {kind_of(value)}, an array is expected", self.name)
        elements[self._table] += len(value)
        converted: list[Any] = []
        try:
            for element in value:
                converted.append(self._element.convert(element, elements, extra))  # noqa: PERF401 - counted below
        except Violation as violation:
            violation.in_element(self.name, len(converted) + 1)
            raise
        return converted


class Record:
    """The records of one feed. `seen` collects the columns that a record has had."""

    def __init__(self, contract: Contract) -> None:
        self.seen: set[str] = set()
        self._root = self._table("", contract.columns, contract.arrays)

    def converted(self, members: dict[str, Any], elements: Counter[str]) -> dict[str, Any]:
        """A record as the contract sees it, its values text. Raises Violation where it is to be rejected."""
        found: dict[str, Any] = self._root.convert(members, elements, {})
        return found

    def _table(self, name: str, columns: Iterable[Column], arrays: Iterable[ArrayTable]) -> Table:
        table = Table(name, self.seen)
        prefix = f"{name}." if name else ""
        for column in columns:
            _object_of(table, column.path).add(column.path[-1], Scalar(f"{prefix}{column.name}", column.max_bytes))
        for array in arrays:
            called = f"{prefix}{array.prefix}"
            element = self._element(called, array)
            _object_of(table, array.path).add(array.path[-1], Array(called, array.name, element))
        return table

    def _element(self, name: str, array: ArrayTable) -> Node:
        if array.of_scalars:
            return Scalar(name, array.columns[0].max_bytes)
        return self._table(name, array.columns, array.arrays)


def _object_of(table: Object, path: tuple[Step, ...]) -> Object:
    for step in path[:-1]:
        table = table.object_at(step)
    return table
