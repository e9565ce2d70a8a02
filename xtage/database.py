"""Connections to the warehouse for reading, and what can be wrong with them."""

import os
import socket
import ssl
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pg8000.native

from localcloud.settings import PROJECT
from xtage.errors import OperatorError
from xtage.profiles import Target, read_target

Row = Sequence[str | None]
Answer = tuple[list[str], list[int], Iterator[Row]]
"""The names of an answer's columns, their types by PostgreSQL's numbers, and its rows as text."""


@contextmanager
def reading(target: str | None = None, *, as_text: bool = False) -> Iterator[pg8000.native.Connection]:
    """A connection in a read-only transaction on a dbt target; `as_text` gives every value as PostgreSQL writes it.

    Raises OperatorError when the database cannot be reached.
    """
    settings = read_target(PROJECT, target)
    connection = _connect(settings)
    try:
        if as_text:
            connection.pg_types = defaultdict(_text)
        connection.run("start transaction read only")
        yield connection
    finally:
        connection.close()


def _text() -> Callable[[str], str]:
    return str


def _connect(settings: Target) -> pg8000.native.Connection:
    if settings["type"] != "postgres":
        raise OperatorError("this needs a PostgreSQL target", "use --target local or rds")
    if not settings["host"]:
        raise OperatorError(
            "the target names no host",
            "set the environment variables that profiles.yml reads for it, as `xtage tunnel` does; the local database "
            "is asked without --target",
        )
    place = f"{settings['host']}:{settings['port']}"
    try:
        # A socket of our own: pg8000's timeout would also end a query that takes longer than connecting may.
        # PGHOSTADDR as for libpq: where to connect to, while the certificate is compared with the host's name.
        address = os.environ.get("PGHOSTADDR") or settings["host"]
        channel = socket.create_connection((address, int(settings["port"])), timeout=10)
        channel.settimeout(None)
        return pg8000.native.Connection(
            settings["user"],
            host=settings["host"],
            sock=channel,
            database=settings["dbname"],
            password=settings["password"],
            ssl_context=_tls(settings),
            application_name="xtage",
        )
    except (pg8000.native.InterfaceError, OSError) as problem:
        local = settings["host"] in ("127.0.0.1", "localhost")
        remedy = "start it with `xtage up`" if local else "check that the network lets this machine reach it"
        raise OperatorError(f"no PostgreSQL answers on {place}", remedy) from problem
    except pg8000.native.DatabaseError as problem:
        raise OperatorError(f"PostgreSQL on {place} refuses: {message_of(problem)}", "check the target") from problem


def _tls(settings: Target) -> ssl.SSLContext | bool:
    """What `sslmode` and `sslrootcert` mean; a target without `sslmode` has no TLS, as the embedded server has none."""
    mode = settings.get("sslmode", "disable")
    if mode == "disable":
        return False
    context = ssl.create_default_context(cafile=settings.get("sslrootcert"))
    if mode != "verify-full":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED if mode == "verify-ca" else ssl.CERT_NONE
    return context


def message_of(problem: pg8000.native.DatabaseError) -> str:
    """The server's message, with its hint when there is one."""
    details: Any = problem.args[0] if problem.args else str(problem)
    if not isinstance(details, dict):
        return str(details)
    hint = f" ({details['H']})" if "H" in details else ""
    return f"{details.get('M', 'unknown error')}{hint}"


def code_of(problem: pg8000.native.DatabaseError) -> str:
    """The SQLSTATE of a server's refusal, empty when the problem is none."""
    details: Any = problem.args[0] if problem.args else {}
    return str(details.get("C", "")) if isinstance(details, dict) else ""
