"""Nested records of every shape that a contract can describe, and a flattening that shares no code with Spark's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from loaders.contract import ArrayTable, Column, Contract, Step
from tests.unit.parse.support import make_contract

Row = tuple[Any, ...]
Tables = dict[str, list[Row]]


def column(name: str, inside: tuple[Step, ...] = ()) -> Column:
    return Column(name, name.rpartition("_")[2] if inside else name, "string", "text", "", inside=inside)


def step(name: str) -> Step:
    return Step(name, name)


def contract() -> Contract:
    """Things with objects in objects, arrays in objects, arrays in arrays, arrays of scalars; the key in an object."""
    stops = ArrayTable(
        "things__parcels__at_stops", (step("at"), step("stops")), "", (column("value"),), of_scalars=True
    )
    scans = ArrayTable("things__parcels__scans", (step("scans"),), "", (column("code"), column("select")))
    parcels = ArrayTable(
        "things__parcels", (step("parcels"),), "", (column("code"), column("size_kg", (step("size"),))), (stops, scans)
    )
    tags = ArrayTable("things__tags", (step("tags"),), "", (column("value"),), of_scalars=True)
    flat = make_contract("id name", key="head_id")
    inside = (column("head_id", (step("head"),)), column("head_by_whom", (step("head"), step("by"))))
    return replace(flat, columns=(*flat.columns, *inside), arrays=(parcels, tags))


def flat_tables(contract: Contract, records: Sequence[Mapping[str, Any]]) -> Tables:
    """Each table's rows, by the contract, in the order of `loaders.tables` without the load; rows sorted."""
    tables: Tables = {contract.feed: []}
    for record in records:
        number = record["_row_number"]
        key = [at(record, one) for one in contract.key_columns]
        own = [at(record, one) for one in contract.columns]
        tables[contract.feed].append((*own, number, record.get("_extra")))
        for array in contract.arrays:
            for name, row in elements(array, record, key, [number]):
                tables.setdefault(name, []).append(row)
    return tables


def elements(array: ArrayTable, holder: Any, key: Sequence[Any], places: Sequence[int]) -> Iterator[tuple[str, Row]]:
    for position, element in enumerate(member(holder, array.path) or (), start=1):
        if array.of_scalars:
            yield array.name, (*key, element, *places, position)
            continue
        own = [at(element, one) for one in array.columns]
        yield array.name, (*key, *own, *places, position, (element or {}).get("_extra"))
        for inner in array.arrays:
            yield from elements(inner, element, key, [*places, position])


def at(record: Any, column: Column) -> Any:
    return member(record, column.path)


def member(record: Any, path: Sequence[Step]) -> Any:
    for name in path:
        record = (record or {}).get(name.name)
    return record


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows in an order of their own, nulls and all."""
    return sorted(rows, key=repr)
