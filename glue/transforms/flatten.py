"""Nested records to flat tables: a record's own values in one, the elements of each array in one of their own.

What the records look like and which tables they become is a `Layout`, made from the contract by the loader
(`loaders.nested.layout`): nothing is inferred from the data, so the tables are the same every day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f
from pyspark.sql.types import ArrayType, DataType, LongType, StringType, StructField, StructType

ROW_NUMBER = "_row_number"
POSITION = "_position"
EXTRA = "_extra"
ELEMENT = "_element"


@dataclass(frozen=True)
class Layout:
    """A table: its columns, each with the way to its value in the record or element (empty: the element itself).

    `name` is the table's; `array` the way to the array whose elements are its rows, and `position` the column that
    gives their place to the tables of arrays in them; empty for the records themselves.
    """

    name: str
    columns: Mapping[str, Sequence[str]]
    arrays: Sequence[Layout] = ()
    array: Sequence[str] = ()
    position: str = ""

    @property
    def of_scalars(self) -> bool:
        """Whether the elements are scalars."""
        return any(not path for path in self.columns.values())

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Layout:
        """A layout from its JSON form."""
        arrays = tuple(cls.of(array) for array in document["arrays"])
        return cls(document["name"], document["columns"], arrays, document["array"], document["position"])


def record_schema(layout: Layout) -> StructType:
    """The schema of the records: `_row_number`, then the members, every value text."""
    return StructType([StructField(ROW_NUMBER, LongType()), *_struct(layout).fields])


def flattened(records: DataFrame, layout: Layout, key: Sequence[str]) -> dict[str, DataFrame]:
    """Each table by name. `key` are the columns that the tables of arrays take over from the record.

    A table of records has `_row_number`, its columns and `_extra`. One of elements has `_row_number`, the key, the
    positions of the elements around it, `_position` (from 1), its columns, and `_extra` unless they are scalars.
    An array that is null or empty has no rows, an element that is null has one.
    """
    own = [_value(path).alias(name) for name, path in layout.columns.items()]
    tables = {layout.name: records.select(ROW_NUMBER, *own, EXTRA)}
    carried = [f.col(ROW_NUMBER), *(_value(layout.columns[name]).alias(name) for name in key)]
    for array in layout.arrays:
        tables |= _elements(records, array, carried, [ROW_NUMBER, *key], None)
    return tables


def _elements(
    rows: DataFrame, layout: Layout, carried: Sequence[Column], names: Sequence[str], element: str | None
) -> dict[str, DataFrame]:
    """The tables of one array of the rows, or of their column `element`, and of the arrays in its elements."""
    places = f.posexplode(_value(layout.array, element)).alias(layout.position, ELEMENT)
    exploded = rows.select(*carried, places)
    place = (f.col(layout.position) + f.lit(1)).cast(LongType())
    own = [_value(path, ELEMENT).alias(name) for name, path in layout.columns.items()]
    extra = [] if layout.of_scalars else [_value([EXTRA], ELEMENT).alias(EXTRA)]
    tables = {layout.name: exploded.select(*names, place.alias(POSITION), *own, *extra)}
    carried = [*(f.col(name) for name in names), place.alias(layout.position)]
    for array in layout.arrays:
        # The elements are carried along until their arrays are taken out of them.
        outer = exploded.select(*carried, ELEMENT)
        tables |= _elements(outer, array, [f.col(name) for name in outer.columns[:-1]], outer.columns[:-1], ELEMENT)
    return tables


def _value(path: Sequence[str], element: str | None = None) -> Column:
    """The value at a path in the row, or in its column `element`."""
    names = [element, *path] if element else list(path)
    value = f.col(names[0])
    for name in names[1:]:
        value = value.getField(name)
    return value


def _struct(layout: Layout) -> StructType:
    tree: dict[str, Any] = {}
    for path, leaf in _leaves(layout):
        place = tree
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = leaf
    return _of_tree({**tree, EXTRA: StringType()})


def _leaves(layout: Layout) -> Iterator[tuple[Sequence[str], DataType]]:
    for path in layout.columns.values():
        yield path, StringType()
    for array in layout.arrays:
        yield array.array, ArrayType(StringType() if array.of_scalars else _struct(array))


def _of_tree(tree: Mapping[str, Any]) -> StructType:
    fields = ((name, _of_tree(node) if isinstance(node, dict) else node) for name, node in tree.items())
    return StructType([StructField(name, kind) for name, kind in fields])
