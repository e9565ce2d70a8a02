"""Queries to a Redshift target, through the driver that dbt uses too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import redshift_connector
from redshift_connector.error import Error, InterfaceError

from localcloud import ports
from localcloud.redshift.launcher import Redshift
from localcloud.settings import PROJECT, Settings
from xtage.database import Answer, Row
from xtage.errors import OperatorError
from xtage.profiles import read_target

FETCH_ROWS = 5_000


@contextmanager
def answering(query: str, target: str | None) -> Iterator[Answer]:
    """The answer to one read-only query, its rows fetched in portions.

    Raises OperatorError when no Redshift answers or when it refuses the query, in its own words.
    """
    connection = _connect(target)
    try:
        with connection.cursor() as cursor:
            cursor.execute("begin read only")
            # The driver prepares its statements: nothing can be smuggled in behind a semicolon.
            cursor.execute(f"declare xtage_rows cursor for {query}")
            cursor.execute(f"fetch forward {FETCH_ROWS} from xtage_rows")
            described = cursor.description or []
            columns = [_text(column[0]) for column in described]
            yield [str(name) for name in columns], [int(column[1]) for column in described], _rows(cursor)
    except Error as problem:
        raise OperatorError(f"Redshift: {message_of(problem)}", "correct the query") from problem
    finally:
        connection.close()


def _rows(cursor: Any) -> Iterator[Row]:
    while fetched := cursor.fetchall():
        yield from ([_text(value) for value in row] for row in fetched)
        cursor.execute(f"fetch forward {FETCH_ROWS} from xtage_rows")


def _text(value: object) -> str | None:
    """A value as PostgreSQL writes it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return value.decode()
    return str(value.isoformat(" ")) if isinstance(value, datetime) else str(value)


def _connect(target: str | None) -> Any:
    settings = read_target(PROJECT, target)
    place = f"{settings['host']}:{settings['port']}"
    harness = Redshift(Settings.from_environment())
    local = settings["host"] == ports.HOST
    if local and harness.authority.exists():
        # The driver takes the authorities that it trusts from the environment only.
        os.environ["SSL_CERT_FILE"] = str(harness.authority)
    try:
        connection = redshift_connector.connect(
            host=settings["host"],
            port=int(settings["port"]),
            user=settings["user"],
            password=settings["password"],
            database=settings["dbname"],
            sslmode=settings["sslmode"],
            application_name="xtage",
        )
    except (InterfaceError, OSError) as problem:
        remedy = "start it with `xtage up --warehouse both`" if local else "check that the network lets you reach it"
        raise OperatorError(f"no Redshift answers on {place}", remedy) from problem
    except Error as problem:
        raise OperatorError(f"Redshift on {place} refuses: {message_of(problem)}", "check the target") from problem
    connection.autocommit = True
    return connection


def message_of(problem: Error) -> str:
    """The server's message, with its detail when there is one."""
    details: Any = problem.args[0] if problem.args else str(problem)
    if not isinstance(details, dict):
        return str(details)
    detail = f" ({details['D']})" if "D" in details else ""
    return f"{details.get('M', 'unknown error')}{detail}"
