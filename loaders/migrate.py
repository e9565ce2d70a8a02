"""Makes the loaders' schemas and tables in RDS and adds what the contracts gained since; never drops or changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256

from loaders.contract import Contract
from loaders.database import Connection, Cursor, transaction
from loaders.errors import TransientError
from loaders.ops_tables import OPS_TABLES, SEQUENCES
from loaders.tables import Table, column_ddl, index_ddl, raw_tables, table_ddl

SCHEMAS = ("raw", "ops")
LOCK = "select pg_advisory_xact_lock(hashtextextended('xtage migrate', 0))"


def migrate(connection: Connection, contracts: Mapping[str, Contract]) -> list[str]:
    """Applies what is missing, in one transaction; two at once wait for each other.

    Returns what was made, in words (`schema raw`, `table raw.sales`, `column raw.sales.discount`); nothing the second
    time. Raises LoaderError when the database refuses.
    """
    tables = _tables(contracts)
    with transaction(connection) as cursor:
        cursor.execute(LOCK)
        applied = [*_make_schemas(cursor), *_make_sequences(cursor)]
        for table in tables:
            applied += _make_table(cursor, table)
        cursor.execute("insert into ops.lease default values on conflict do nothing")
        cursor.execute(
            "insert into ops.migrations (fingerprint) values (%s) on conflict do nothing", (_fingerprint(tables),)
        )
    return applied


def require_migrated(connection: Connection, contracts: Mapping[str, Contract]) -> None:
    """Raises TransientError where the tables have never been brought to what this code expects.

    A deployment changes the functions first and the tables a moment later. Tables that are ahead of the code are
    enough for it: nothing is ever taken away.
    """
    with transaction(connection) as cursor:
        found = False
        if _exists(cursor, "ops.migrations"):
            cursor.execute("select 1 from ops.migrations where fingerprint = %s", (_fingerprint(_tables(contracts)),))
            found = bool(cursor.fetchall())
    if not found:
        raise TransientError(
            "the tables are not yet what this code expects",
            remedy="nothing to do while a deployment is under way; else deploy again",
        )


def _tables(contracts: Mapping[str, Contract]) -> list[Table]:
    return [*(table for contract in contracts.values() for table in raw_tables(contract)), *OPS_TABLES]


def _fingerprint(tables: Iterable[Table]) -> str:
    """The same for the same tables, columns and indexes."""
    statements = (line for table in tables for line in (table_ddl(table, "rds"), *dict(index_ddl(table)).values()))
    return sha256("\n".join(statements).encode()).hexdigest()


def _make_schemas(cursor: Cursor) -> Iterator[str]:
    for schema in SCHEMAS:
        cursor.execute("select 1 from pg_namespace where nspname = %s", (schema,))
        if not cursor.fetchall():
            cursor.execute(f"create schema {schema}")
            yield f"schema {schema}"


def _make_sequences(cursor: Cursor) -> Iterator[str]:
    for sequence in SEQUENCES:
        if not _exists(cursor, sequence):
            cursor.execute(f"create sequence {sequence}")
            yield f"sequence {sequence}"


def _make_table(cursor: Cursor, table: Table) -> Iterator[str]:
    name = f"{table.schema}.{table.name}"
    if not _exists(cursor, table.qualified):
        cursor.execute(table_ddl(table, "rds"))
        yield f"table {name}"
    cursor.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped",
        (table.qualified,),
    )
    present = {row[0] for row in cursor.fetchall()}
    for column in table.columns:
        if column.name not in present:
            cursor.execute(f"alter table {table.qualified} add column {column_ddl(column, 'rds')}")
            yield f"column {name}.{column.name}"
    for index, statement in index_ddl(table):
        if not _exists(cursor, f'{table.schema}."{index}"'):
            cursor.execute(statement)
            yield f"index {table.schema}.{index}"


def _exists(cursor: Cursor, name: str) -> bool:
    cursor.execute("select to_regclass(%s) is not null", (name,))
    return bool(cursor.fetchall()[0][0])
