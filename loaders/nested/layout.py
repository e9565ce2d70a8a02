"""What Spark is told about a nested feed, as JSON: the tables, their columns, and where their values stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loaders.contract import ArrayTable, Column, Contract, Step
from loaders.tables import position_of


def layout_of(contract: Contract) -> dict[str, Any]:
    """`key`: the columns of the record key. `table`: the records; `arrays` in it are tables of their own.

    A table has `name`, `columns` (each with the way to its value, by the contract's names), `arrays`, `array` (the way
    to the array; empty for the records) and `position` (what an element's place is called in the tables of its arrays).
    """
    table = _table(contract.feed, contract.columns, contract.arrays)
    return {"key": list(contract.key), "table": table}


def _table(
    name: str, columns: Iterable[Column], arrays: Iterable[ArrayTable], path: Iterable[Step] = (), position: str = ""
) -> dict[str, Any]:
    return {
        "name": name,
        "columns": {column.name: _names(column.path) for column in columns},
        "arrays": [_array(array) for array in arrays],
        "array": _names(path),
        "position": position,
    }


def _array(array: ArrayTable) -> dict[str, Any]:
    table = _table(array.name, array.columns, array.arrays, array.path, position_of(array))
    return {**table, "columns": {array.columns[0].name: []}} if array.of_scalars else table


def _names(path: Iterable[Step]) -> list[str]:
    return [step.name for step in path]
