"""The connection to Redshift: opened by secret, its errors sorted into families.

Redshift is optional: `REDSHIFT_SECRET` names its secret, and where that is not set there is none. `REDSHIFT_HOST` and
`REDSHIFT_PORT` say where it is: nothing writes them into the secret, as RDS does into its own. The driver is
imported with the first connection, for most invocations of most Lambdas never need it.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from loaders.database import CONNECT_TIMEOUT_SECONDS, TRANSIENT_STATES, aws_error, connection_arguments, logged_in
from loaders.errors import LoaderError, TerminalError, TransientError

if TYPE_CHECKING:
    from redshift_connector.core import Connection
    from redshift_connector.cursor import Cursor

    RedshiftConnection: TypeAlias = Connection
    RedshiftCursor: TypeAlias = Cursor

COLLIDED = (
    "Serializable isolation violation",
    "conflict with concurrent transaction",
    "could not open relation with OID",
)
"""How Redshift tells that two transactions got in each other's way (error 1023); it has no SQLSTATE for it.
https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation-serializable-isolation-troubleshooting.html"""

THROTTLED = ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout")
"""S3's own words for "later", within a COPY's error."""


def is_enabled(environment: Mapping[str, str]) -> bool:
    """Whether what lands in RDS is to be copied to Redshift too."""
    return bool(environment.get("REDSHIFT_SECRET"))


@contextmanager
def connected(environment: Mapping[str, str]) -> Iterator[RedshiftConnection]:
    """A connection from the secret named by REDSHIFT_SECRET, closed afterwards; errors in the block are classified.

    Raises TransientError when Redshift cannot be reached, TerminalError when the secret, the password or the
    certificate is wrong.
    """
    secret = environment["REDSHIFT_SECRET"]
    with classified():
        connection = logged_in(secret, lambda text: log_in(secret, text, environment))
        try:
            yield connection
        finally:
            connection.close()


def log_in(secret: str, text: str, environment: Mapping[str, str]) -> RedshiftConnection:
    """A connection as the user of a secret's text, `secret` being its name.

    TLS always, certificate and name verified against the driver's own bundle and SSL_CERT_FILE. Raises the driver's
    errors, and TerminalError for a text that is wrong.
    """
    import redshift_connector

    place = {"host": environment["REDSHIFT_HOST"], "port": environment["REDSHIFT_PORT"]}
    try:
        arguments = connection_arguments(text, engines=("redshift",), **place)
    except (KeyError, TypeError, ValueError) as error:
        raise TerminalError(
            f"secret {secret} is not what it should be: {error}",
            remedy="give it dbname, username, password and engine, as JSON",
        ) from error
    connection: RedshiftConnection = redshift_connector.connect(
        **arguments,
        ssl=True,
        sslmode="verify-full",
        timeout=CONNECT_TIMEOUT_SECONDS,
        tcp_keepalive=True,
        tcp_keepalive_idle=20,
        tcp_keepalive_interval=10,
        tcp_keepalive_count=3,
        application_name="xtage loader",
    )
    # The time limit is for connecting; a COPY may take longer than that.
    connection._usock.settimeout(None)
    return connection


@contextmanager
def transaction(connection: RedshiftConnection) -> Iterator[RedshiftCursor]:
    """One transaction: committed at the end of the block, rolled back when it raises.

    A rollback that fails needs no care: the connection is closed soon, and the server rolls back.
    """
    try:
        yield connection.cursor()
        connection.commit()
    except Exception:
        from redshift_connector.error import Error

        with suppress(Error, OSError, AttributeError, ValueError):
            connection.rollback()
        raise


@contextmanager
def classified() -> Iterator[None]:
    """Turns errors of the driver, the network and AWS into the three families; the loader's own pass through."""
    from redshift_connector.error import Error

    try:
        yield
    except LoaderError:
        raise
    except Error as error:
        raise _redshift_error(error) from error
    except (ClientError, BotoCoreError) as error:
        raise aws_error("Redshift", error) from error
    except ssl.SSLError as error:
        raise TerminalError(f"Redshift: TLS failed: {error}", remedy="check SSL_CERT_FILE and REDSHIFT_HOST") from error
    except OSError as error:
        raise TransientError(f"Redshift cannot be reached: {error}", remedy="check that it runs") from error


def _redshift_error(error: Exception) -> LoaderError:
    details: Any = error.args[0] if error.args else {}
    if not isinstance(details, dict):
        # The connection broke, or was never made: the driver says so in words of its own.
        cause = error.args[1] if len(error.args) > 1 else ""
        if isinstance(cause, ssl.SSLError):
            return TerminalError(f"Redshift: TLS failed: {cause}", remedy="check SSL_CERT_FILE and REDSHIFT_HOST")
        return TransientError(f"Redshift: {details} {cause}".rstrip(), remedy="try again")
    state, message = str(details.get("C", "")), " ".join(str(details.get(part, "")) for part in "MD").strip()
    described = f"Redshift: {message} (SQLSTATE {state})"
    if state.startswith(TRANSIENT_STATES) or any(words in message for words in (*COLLIDED, *THROTTLED)):
        return TransientError(described, remedy="try again")
    if state.startswith("28"):
        return TerminalError(described, remedy="check the user and password in Redshift's secret")
    if state in ("42P01", "42703", "3F000"):
        return TerminalError(described, remedy="apply the migrations: invoke the migrate function")
    return TerminalError(described)
