"""The tables the loaders own: their columns, what each holds, and their DDL for both databases.

The raw tables come from the contracts, the ops tables from `loaders.ops_tables`. `loaders.migrate` makes them in RDS,
and `loaders.generate` writes them out as SQL files and as dbt sources.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from loaders.contract import Contract

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


def raw_table(contract: Contract) -> Table:
    """Where a feed's records land: its columns as text, then the way back to load and record."""
    data = (
        TableColumn(column.name, "text", column.description, max_bytes=column.max_bytes) for column in contract.columns
    )
    return Table(
        schema="raw",
        name=contract.feed,
        description=contract.description,
        columns=(*data, *_lineage()),
        # BRIN costs an append nothing that can be measured, and finds the rows of a load and one record of a large one.
        indexes={f"{contract.feed}_load_id_row_number": "using brin (_load_id, _row_number)"},
        # Redshift: spread evenly, for the models join these rows with the loads alone, of which every node has a copy;
        # by the text of the record key, the records without one would all lie on one slice. In the order in which they
        # land: an incremental build and a replay find the blocks of their loads, and nothing is ever to be sorted.
        distribution="even",
        sort_key=("_load_id", "_row_number"),
    )


def _lineage() -> tuple[TableColumn, ...]:
    return (
        TableColumn(
            "_load_id",
            "bigint",
            "The load that landed the record; refers to ops.loads.",
            not_null=True,
        ),
        TableColumn(
            "_row_number",
            "bigint",
            "Position of the record in its file, 1 for the first; rejected records are counted too.",
            not_null=True,
        ),
        TableColumn("_extra", "text", "Fields the contract does not know, as a JSON object; null when there are none."),
    )
