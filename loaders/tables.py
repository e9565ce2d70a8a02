"""The tables the loaders own: their columns, what each holds, and their DDL for both databases.

The raw tables come from the contracts, the ops tables from `loaders.ops_tables`. `loaders.migrate` makes them in RDS,
and `loaders.generate` writes them out as SQL files and as dbt sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal

from loaders.contract import NAME_CHARACTERS, ArrayTable, Column, Contract

Dialect = Literal["rds", "redshift"]

NOW = "(clock_timestamp() at time zone 'utc')"


@dataclass(frozen=True)
class TableColumn:
    """One column. `default` and `not_null` hold for RDS; Redshift's copy takes every value from there."""

    name: str
    type: str
    description: str
    default: str | None = None
    not_null: bool = False
    max_bytes: int | None = None


@dataclass(frozen=True)
class Table:
    """One table. `constraints` and `indexes` (by name, what follows the table) are RDS's; `distribution` (what follows
    `diststyle`) and `sort_key` are Redshift's."""

    schema: str
    name: str
    description: str
    columns: tuple[TableColumn, ...]
    constraints: tuple[str, ...] = ()
    indexes: Mapping[str, str] = field(default_factory=dict)
    distribution: Literal["even", "all"] = "even"
    sort_key: tuple[str, ...] = ()

    @property
    def qualified(self) -> str:
        """`schema."name"`, quoted for SQL."""
        return f"{quoted(self.schema)}.{quoted(self.name)}"


def quoted(identifier: str) -> str:
    """An identifier as SQL writes it, whatever characters it has."""
    return '"' + identifier.replace('"', '""') + '"'


def column_ddl(column: TableColumn, dialect: Dialect) -> str:
    """One column of a `create table` or an `add column`."""
    if dialect == "redshift":
        length = column.max_bytes or 65535
        return f"{quoted(column.name)} {f'varchar({length})' if column.type == 'text' else column.type}"
    default = f" default {column.default}" if column.default else ""
    return f"{quoted(column.name)} {column.type}{default}{' not null' if column.not_null else ''}"


def table_ddl(table: Table, dialect: Dialect) -> str:
    """`create table if not exists` for one table."""
    lines = [column_ddl(column, dialect) for column in table.columns]
    if dialect == "rds":
        lines += table.constraints
    return (
        f"create table if not exists {table.qualified} (\n    "
        + ",\n    ".join(lines)
        + "\n)"
        + _layout(table, dialect)
    )


def _layout(table: Table, dialect: Dialect) -> str:
    """How Redshift spreads a table's rows over its slices, and in which order it keeps them."""
    if dialect == "rds":
        return ""
    return f"\ndiststyle {table.distribution}\nsortkey ({', '.join(quoted(name) for name in table.sort_key)})"


def index_ddl(table: Table) -> Iterable[tuple[str, str]]:
    """Name and statement of each index of a table in RDS."""
    for name, definition in table.indexes.items():
        yield name, f"create index if not exists {quoted(name)} on {table.qualified} {definition}"


def raw_tables(contract: Contract) -> tuple[Table, ...]:
    """Where a feed's records land, and for a nested feed the elements of their arrays, each array in its own table."""
    return (raw_table(contract), *(array_table(contract, *found) for found in arrays_of(contract.arrays)))


def arrays_of(
    arrays: Iterable[ArrayTable], around: tuple[ArrayTable, ...] = ()
) -> Iterator[tuple[ArrayTable, tuple[ArrayTable, ...]]]:
    """Every array of a feed, each with those around it from the outermost; an outer one before those in it."""
    for array in arrays:
        yield array, around
        yield from arrays_of(array.arrays, (*around, array))


def raw_table(contract: Contract) -> Table:
    """Where a feed's records land: its columns as text, then the way back to load and record."""
    return _landing_table(
        contract.feed, contract.description, (*_data(contract.columns), *_lineage(_ROW_NUMBER), _EXTRA)
    )


def array_table(contract: Contract, array: ArrayTable, around: tuple[ArrayTable, ...]) -> Table:
    """Where the elements of an array land: the key of the record, their values, the way back, their places."""
    columns = (
        *_data(contract.key_columns),
        *_data(array.columns),
        *_lineage("Position of the record in its file, 1 for the first; all elements of its arrays have it."),
        *(_position(outer) for outer in around),
        TableColumn(
            "_position", "bigint", f"Place of the element in its {array.prefix}, 1 for the first.", not_null=True
        ),
    )
    return _landing_table(array.name, array.description, columns if array.of_scalars else (*columns, _EXTRA))


def position_of(array: ArrayTable) -> str:
    """The column that tells, of an element inside, in which element of this array it stands."""
    return f"_{array.prefix}_position"


def _position(outer: ArrayTable) -> TableColumn:
    return TableColumn(
        position_of(outer), "bigint", f"Place of the element around it in its {outer.prefix}.", not_null=True
    )


def _landing_table(name: str, description: str, columns: tuple[TableColumn, ...]) -> Table:
    return Table(
        schema="raw",
        name=name,
        description=description,
        columns=columns,
        # BRIN costs an append nothing that can be measured, and finds the rows of a load and one record of a large one.
        indexes={_index_name(name, "_load_id_row_number"): "using brin (_load_id, _row_number)"},
        # Redshift: spread evenly, for the models join these rows with the loads alone, of which every node has a copy;
        # by the text of the record key, the records without one would all lie on one slice. In the order in which they
        # land: an incremental build and a replay find the blocks of their loads, and nothing is ever to be sorted.
        distribution="even",
        sort_key=("_load_id", "_row_number"),
    )


def _index_name(table: str, suffix: str) -> str:
    """The table's name with the suffix; where PostgreSQL would cut that off, the beginning of one and a hash of both.

    Of a table with a name of 63 characters the cut would leave the table's own name, and there would be no index.
    """
    name = f"{table}{suffix}"
    if len(name) <= NAME_CHARACTERS:
        return name
    ending = f"_{sha256(name.encode()).hexdigest()[:8]}{suffix}"
    return f"{table[: NAME_CHARACTERS - len(ending)]}{ending}"


def _data(columns: Iterable[Column]) -> Iterator[TableColumn]:
    return (TableColumn(column.name, "text", column.description, max_bytes=column.max_bytes) for column in columns)


_ROW_NUMBER = "Position of the record in its file, 1 for the first; rejected records are counted too."
_EXTRA = TableColumn("_extra", "text", "Fields the contract does not know, as a JSON object; null when there are none.")


def _lineage(row_number: str) -> tuple[TableColumn, ...]:
    return (
        TableColumn(
            "_load_id",
            "bigint",
            "The load that landed the record; refers to ops.loads.",
            not_null=True,
        ),
        TableColumn("_row_number", "bigint", row_number, not_null=True),
    )
