"""COPY from S3 into a table, in the client's transaction: every file is checked as Redshift checks it, then loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pg8000.dbapi

from localcloud import ports
from localcloud.aws import Aws
from localcloud.postgres import IN_THE_CLEAR, USER
from localcloud.redshift import catalog, parquet_rows, text_rows
from localcloud.redshift.backend import Backend
from localcloud.redshift.launcher import DATABASE
from localcloud.redshift.objects import Objects, Stored
from localcloud.redshift.parquet_rows import Column
from localcloud.redshift.sql_text import literal, quoted
from localcloud.redshift.text_rows import LoadError
from localcloud.redshift.tokens import Statement
from localcloud.redshift.transfer_options import Transfer, read_copy
from localcloud.redshift.wire import ServerError
from localcloud.settings import Settings


class Copy:
    """Carries out COPY statements."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._endpoint = Aws(settings).endpoint

    async def __call__(self, backend: Backend, statement: Statement) -> str:
        copy = read_copy(statement)
        columns = await _columns(backend, copy)
        objects = Objects(self._endpoint, copy)
        names = ", ".join(quoted(column.name) for column in columns)
        try:
            sources = await asyncio.to_thread(objects.sources)
            # All files in one statement: what does not fit in one of them leaves nothing of the others.
            into = f"copy {copy.table} ({names}) from stdin with (format csv)"
            loaded = await backend.copy_in(into, _blocks(objects, sources, copy, columns))
        except LoadError as error:
            await asyncio.to_thread(self._write_down, copy.table, error)
            raise
        await backend.run(
            f"insert into redshift.load_history (table_name, source, rows) "
            f"values ({literal(copy.table)}, {literal(copy.url)}, {loaded})"
        )
        await catalog.analyze(backend, copy.table)
        await backend.run(f"select set_config('redshift.last_copy_count', '{loaded}', false)")
        return "COPY"

    def _write_down(self, table: str, error: LoadError) -> None:
        """In a transaction of its own: the client's is rolled back."""
        port, password = self._settings.postgres_port, self._settings.postgres_password
        connection = pg8000.dbapi.connect(
            USER, ports.HOST, DATABASE, port, password, timeout=30, ssl_context=IN_THE_CLEAR
        )
        connection.cursor().execute(
            "insert into redshift.load_errors (table_name, filename, line_number, column_name, reason) "
            "values (%s, %s, %s, %s, %s)",
            (table, error.url, error.line, error.column, error.reason),
        )
        connection.commit()
        connection.close()


async def _columns(backend: Backend, copy: Transfer) -> list[Column]:
    """The columns that are loaded, in order: all but the numbered ones, or those that the statement names."""
    found = await backend.run(
        "select attname, format_type(atttypid, atttypmod), attidentity from pg_attribute "
        f"where attrelid = {literal(copy.table)}::regclass and attnum > 0 and not attisdropped order by attnum"
    )
    columns = {str(name): Column(str(name), str(kind)) for name, kind, identity in found if not identity}
    unknown = [name for name in copy.columns if name not in columns]
    if unknown:
        raise ServerError({"C": "42703", "M": f'column "{unknown[0]}" of relation "{copy.table}" does not exist'})
    return [columns[name] for name in copy.columns] if copy.columns else list(columns.values())


def _blocks(objects: Objects, sources: list[Stored], copy: Transfer, columns: list[Column]) -> Iterator[bytes]:
    for stored in sources:
        with objects.opened(stored) as file:
            if copy.form == "parquet":
                yield from parquet_rows.rows(file, stored.url, columns, list(copy.options))
            else:
                yield from text_rows.rows(file, stored.url, copy.form, columns, copy.options)
