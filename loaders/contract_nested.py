"""Reads the properties of a contract, nested or flat, into columns and arrays.

An object's values become columns of the table around it, named with its name before theirs. An array becomes a table
of its own, whose name is that of the table around it, two underscores, and the array's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from loaders.contract import ArrayTable, Column, Step, Tolerated, normalized
from loaders.contract_checks import NAME, one_line, refuse_repeated, required
from loaders.contract_columns import column_of, step_of
from loaders.contract_document import SchemaProperty
from loaders.contract_quality import MistakeError

SCALAR_NAME = "value"
"""The column of an array of scalars whose items have no name."""


@dataclass(frozen=True)
class Defaults:
    """What the contract says about all its values."""

    empty_words: tuple[str, ...]
    usual: Tolerated


@dataclass
class Found:
    """The columns and arrays of one table, in the order of the contract."""

    columns: list[Column] = field(default_factory=list)
    arrays: list[ArrayTable] = field(default_factory=list)


def table_of(properties: Iterable[SchemaProperty], table: str, defaults: Defaults) -> Found:
    """What the records of a table, or the elements of an array, hold. Raises MistakeError with the place."""
    found = Found()
    _walk(properties, table, defaults, (), found)
    refuse_repeated((column.name for column in found.columns), "column name")
    refuse_repeated((array.name for array in found.arrays), "table name")
    return found


def _walk(
    properties: Iterable[SchemaProperty], table: str, defaults: Defaults, inside: tuple[Step, ...], found: Found
) -> None:
    members = list(properties)
    refuse_repeated(
        (normalized(name) for member in members if (name := member.physical_name or member.name)),
        "column name in the file",
    )
    for member in members:
        if member.logical_type == "object":
            step = step_of(member)
            _walk(_members(member, step.name), table, defaults, (*inside, step), found)
        elif member.logical_type == "array":
            found.arrays.append(_array(member, table, defaults, inside))
        else:
            found.columns.append(column_of(member, defaults.empty_words, defaults.usual, inside))


def _array(array: SchemaProperty, table: str, defaults: Defaults, inside: tuple[Step, ...]) -> ArrayTable:
    path = (*inside, step_of(array))
    name = f"{table}__{'_'.join(step.name for step in path)}"
    if not NAME.fullmatch(name):
        raise MistakeError(f"table name {name!r} has more than 63 characters")
    if array.items is None:
        raise MistakeError(f"{name}.items is missing: an array says what its elements are")
    description = one_line(required(array.description, f"{name}.description"))
    if array.items.logical_type == "array":
        raise MistakeError(f"{name}.items is an array: give the elements an object around it")
    if array.items.logical_type != "object":
        return ArrayTable(name, path, description, (_scalar(array.items, defaults),), of_scalars=True)
    members = _members(array.items, f"{name}.items")
    _refuse_keys(members, name)
    found = table_of(members, name, defaults)
    return ArrayTable(name, path, description, tuple(found.columns), tuple(found.arrays))


def _scalar(items: SchemaProperty, defaults: Defaults) -> Column:
    _refuse_keys([items], "items")
    named = msgspec.structs.replace(items, name=items.name or SCALAR_NAME)
    return replace(column_of(named, defaults.empty_words, defaults.usual), source_name="")


def _members(holder: SchemaProperty, place: str) -> list[SchemaProperty]:
    if not holder.properties:
        raise MistakeError(f"{place}.properties is missing: an object says what it holds")
    return holder.properties


def _refuse_keys(members: Iterable[SchemaProperty], place: str) -> None:
    for member in members:
        if member.primary_key:
            raise MistakeError(f"{place}.{member.name}: the record key cannot stand in an array")
        _refuse_keys(member.properties or (), place)
