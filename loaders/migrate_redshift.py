"""Makes the loaders' schemas and tables in Redshift and adds what the contracts gained; never drops or changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from loaders import redshift
from loaders.contract import Contract
from loaders.migrate import SCHEMAS
from loaders.ops_tables import COPIED
from loaders.tables import Table, column_ddl, quoted, raw_tables, table_ddl

if TYPE_CHECKING:
    from loaders.redshift import RedshiftConnection, RedshiftCursor


def migrate_redshift(connection: RedshiftConnection, contracts: Mapping[str, Contract]) -> list[str]:
    """Applies what is missing, in one transaction. Returns what was made, in words; nothing the second time.

    A column that is added stands last, wherever the contract has it: whoever writes by position asks for the order.
    """
    with redshift.transaction(connection) as cursor:
        applied = list(_make_schemas(cursor))
        present = _columns(cursor)
        for table in [*(table for contract in contracts.values() for table in raw_tables(contract)), *COPIED]:
            applied += _make_table(cursor, table, present.get((table.schema, table.name), frozenset()))
    return applied


def _make_schemas(cursor: RedshiftCursor) -> Iterator[str]:
    cursor.execute("select nspname from pg_namespace")
    present = {row[0] for row in cursor.fetchall()}
    for schema in SCHEMAS:
        if schema not in present:
            # Quoted: `raw` is a reserved word in Redshift.
            cursor.execute(f"create schema {quoted(schema)}")
            yield f"redshift schema {schema}"


def _columns(cursor: RedshiftCursor) -> dict[tuple[str, str], frozenset[str]]:
    """The columns of every table in the loaders' schemas."""
    cursor.execute(
        "select table_schema, table_name, column_name from information_schema.columns where table_schema in (%s, %s)",
        SCHEMAS,
    )
    found: dict[tuple[str, str], frozenset[str]] = {}
    for schema, table, column in cursor.fetchall():
        found[schema, table] = found.get((schema, table), frozenset()) | {column}
    return found


def _make_table(cursor: RedshiftCursor, table: Table, present: frozenset[str]) -> Iterator[str]:
    name = f"redshift table {table.schema}.{table.name}"
    if not present:
        cursor.execute(table_ddl(table, "redshift"))
        yield name
        return
    for column in table.columns:
        if column.name not in present:
            cursor.execute(f"alter table {table.qualified} add column {column_ddl(column, 'redshift')}")
            yield f"redshift column {table.schema}.{table.name}.{column.name}"
