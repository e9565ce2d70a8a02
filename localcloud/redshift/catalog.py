"""The database behind the harness: Redshift's functions and views in it, the keys of its tables, its way to refuse."""

from __future__ import annotations

from importlib import resources

import pg8000.dbapi

from localcloud import ports
from localcloud.postgres import IN_THE_CLEAR, USER, Postgres
from localcloud.redshift.backend import Backend
from localcloud.redshift.launcher import DATABASE
from localcloud.redshift.rewrite import TableKeys
from localcloud.redshift.sql_text import literal
from localcloud.redshift.wire import ServerError
from localcloud.settings import Settings

BYTES_CONSTRAINT = "bytes of "


def prepare(settings: Settings) -> None:
    """Makes the database when there is none, and in it what `catalog.sql` says, each start anew."""
    with_database = Postgres(settings).connect()
    with_database.autocommit = True
    cursor = with_database.cursor()
    cursor.execute("set role none")
    cursor.execute("select 1 from pg_database where datname = %s", (DATABASE,))
    if not cursor.fetchall():
        cursor.execute(f"create database {DATABASE}")
    with_database.close()
    password, port = settings.postgres_password, settings.postgres_port
    connection = pg8000.dbapi.connect(USER, ports.HOST, DATABASE, port, password, timeout=30, ssl_context=IN_THE_CLEAR)
    connection.autocommit = True
    made = resources.files(__package__).joinpath("catalog.sql").read_text(encoding="utf-8")
    connection.cursor().execute("set role none")
    connection.cursor().execute(made)
    connection.close()


async def remember_keys(backend: Backend, table: str, keys: TableKeys) -> None:
    """Writes down what a `create table` said of keys, in its transaction: a table rolled back leaves none."""
    lists = [_array(keys.sort), _array(keys.primary), _array(tuple(keys.others))]
    values = [literal(keys.style), literal(keys.distribution), *lists]
    await backend.run(f"select redshift.remember_keys({literal(table)}, {', '.join(values)})")


async def analyze(backend: Backend, table: str) -> None:
    """Has PostgreSQL look at what is in a table, if it is still there: without, a join of some thousand rows may take
    minutes. Redshift does so by itself after COPY and `create table as`, and soon after an `insert`.
    https://docs.aws.amazon.com/redshift/latest/dg/t_Analyzing_tables.html"""
    is_there = f"to_regclass({literal(table)}) is not null"
    await backend.run(f"do $$ begin if {is_there} then execute {literal(f'analyze {table}')}; end if; end $$")


def _array(values: tuple[str, ...]) -> str:
    return f"array[{', '.join(literal(value) for value in values)}]::text[]"


def as_redshift_says(error: ServerError) -> ServerError:
    """PostgreSQL's refusal in Redshift's words, where clients look at them."""
    fields = error.fields
    if fields["C"] == "40001":
        # https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
        detail = f"Serializable isolation violation on table - {fields.get('t', '0')}, {fields['M']}"
        return ServerError({"C": "XX000", "M": "1023", "D": detail})
    if fields["C"] == "23514" and fields.get("n", "").startswith(BYTES_CONSTRAINT):
        column = fields["n"].removeprefix(BYTES_CONSTRAINT)
        message = f"value too long for type character varying (bytes are counted, in column {column})"
        return ServerError({"C": "22001", "M": message})
    return error
