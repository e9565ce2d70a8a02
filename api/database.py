"""What the API asks of the database: one connection per warm function, which only reads, each query bounded in time."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

import pg8000.dbapi
from pg8000.native import DATE, TIMESTAMP, to_statement

from api.problems import Problem, invalid, unavailable
from loaders.database import LOST, Connection, connect
from loaders.errors import LoaderError

Row: TypeAlias = dict[str, Any]

SESSION_SETTINGS = {
    "application_name": "xtage api",
    "default_transaction_read_only": "on",
    # Within the 29 seconds that API Gateway waits, with time left to say so.
    "statement_timeout": "20s",
    # A build that replaces a table holds it for milliseconds.
    "lock_timeout": "5s",
}

NOT_BUILT = ("42P01", "3F000", "42703")
"""SQLSTATEs of a table, schema or column that is not there: the marts were never built, or by an older version."""

CANCELED = ("57014", "55P03")


class _Worker:
    """What a warm function keeps from one request to the next."""

    connection: Connection | None = None


def ask(statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    """The rows of one query, its parameters written `:name`; times are UTC, days ISO 8601 text.

    Raises Problem: 503 when the database cannot be reached, is at its limit, or has no marts yet.
    """
    try:
        try:
            return _run(_connection(), statement, parameters)
        except pg8000.dbapi.DatabaseError:
            raise
        except LOST:
            # The server restarted, or the connection idled away while the function was frozen: nothing is lost.
            _Worker.connection = None
            return _run(_connection(), statement, parameters)
    except pg8000.dbapi.DatabaseError as error:
        raise _problem(error) from error
    except (LoaderError, *LOST) as error:
        _Worker.connection = None
        raise unavailable("the database cannot be reached; try again", 5) from error


def _connection() -> Connection:
    if _Worker.connection is None:
        connection = connect(os.environ)
        # Each query is a transaction of its own, without a round trip to begin and to end it.
        connection.autocommit = True
        connection.register_in_adapter(TIMESTAMP, _in_utc)
        # They leave as they come, and the driver takes its time to read one.
        connection.register_in_adapter(DATE, str)
        cursor = connection.cursor()
        for name, value in SESSION_SETTINGS.items():
            cursor.execute("select set_config(%s, %s, false)", (name, value))
        _Worker.connection = connection
    return _Worker.connection


def _run(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> list[Row]:
    numbered, values = _prepared(statement)
    answer = connection.execute_unnamed(numbered, values(parameters))
    names = [column["name"] for column in answer.columns]
    return [dict(zip(names, row, strict=True)) for row in answer.rows]


@lru_cache(maxsize=256)
def _prepared(statement: str) -> tuple[str, Callable[[Mapping[str, Any]], Any]]:
    """A statement with numbered parameters, and what puts the named values into their order."""
    numbered, values = to_statement(statement)
    return numbered, values


def _in_utc(text: str) -> datetime:
    # The tables hold UTC without saying so; who reads JSON must be told.
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _problem(error: pg8000.dbapi.DatabaseError) -> Problem:
    details: Any = error.args[0] if error.args else {}
    state = str(details.get("C", "")) if isinstance(details, dict) else ""
    if state in NOT_BUILT:
        return unavailable("the dataset is not built yet; it is after the first run of the pipeline", 60)
    if state in CANCELED:
        return unavailable("the answer takes too long to find; narrow the filters, or ask for fewer rows", 5)
    if state.startswith("22"):
        return invalid("request", "a value in it is not one that the database can hold")
    return unavailable(f"the database could not answer (SQLSTATE {state or 'unknown'}); try again", 5)
