"""The connection to RDS: opened by secret, checked before it is used again, its errors sorted into families."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, TypeVar

import pg8000.dbapi
from botocore.exceptions import BotoCoreError, ClientError

from loaders.errors import LoaderError, TerminalError, TransientError

CONNECT_TIMEOUT_SECONDS = 15
SESSION_SETTINGS = {
    "application_name": "xtage loader",
    "timezone": "UTC",
    # A Lambda that was killed or frozen must not keep its locks. Keepalives tell the server within a minute, in the
    # middle of a COPY too, where statement timeouts do not reach. Idle in a transaction is also a loader that reads a
    # zip archive to its end before the first COPY: it gets time for that.
    "idle_in_transaction_session_timeout": "5min",
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "60000",
    # Locks here are held for milliseconds, but of two loads of the same content one waits for the other's commit.
    "lock_timeout": "60s",
}

TRANSIENT_STATES = ("08", "40", "53", "57P", "55P03", "25P03", "58")
"""SQLSTATE classes that another attempt may pass: connection, serialization and deadlock, resources, restart, lock not
available, idle timeout, system error."""

CURRENT, PENDING = "AWSCURRENT", "AWSPENDING"
"""Stages of a secret's versions: the one in use, and while its password is being changed the one to come."""

LOST = (pg8000.dbapi.Error, OSError, ValueError, AttributeError)
"""What the driver raises when its connection is gone; the last two when its socket was closed already."""

Connection: TypeAlias = pg8000.dbapi.Connection
Cursor: TypeAlias = pg8000.dbapi.Cursor
LoggedIn = TypeVar("LoggedIn")


def connect(environment: Mapping[str, str]) -> Connection:
    """A connection from the secret named by DATABASE_SECRET, set up for loading.

    TLS as DATABASE_TLS says: `verify-full` (default; the server's certificate and name are checked against
    DATABASE_CA_BUNDLE) or `off`. Raises TransientError when the database cannot be reached, TerminalError when the
    secret, the password or the certificate is wrong.
    """
    secret = environment.get("DATABASE_SECRET")
    if not secret:
        raise TerminalError("DATABASE_SECRET is not set", remedy="set it to the name of the database's secret")
    with classified(f"the database of secret {secret}"):
        connection = logged_in(secret, lambda text: log_in(secret, text, environment))
        prepare_session(connection)
    return connection


def logged_in(secret: str, log_in: Callable[[str], LoggedIn]) -> LoggedIn:
    """Logs in with the current password; where that was changed a moment ago, with the one that is to be current.

    `log_in` takes a secret's text. Raises what it raises.
    """
    text = secret_text(secret)
    try:
        return log_in(text)
    except Exception as refusal:
        if not _is_refused(refusal):
            raise
        coming = secret_text(secret, PENDING) or secret_text(secret)
        if coming == text:
            raise
        return log_in(coming)


def log_in(secret: str, text: str, environment: Mapping[str, str]) -> Connection:
    """A connection to where a secret's text leads, `secret` being its name.

    Raises the driver's errors, and TerminalError for a text or a TLS setting that is wrong.
    """
    try:
        arguments = connection_arguments(text, engines=("postgres", "postgresql"))
    except (KeyError, TypeError, ValueError) as error:
        raise TerminalError(
            f"secret {secret} is not what it should be: {error}",
            remedy="give it host, port, dbname, username, password and engine, as JSON",
        ) from error
    connection = pg8000.dbapi.connect(
        **arguments, ssl_context=tls_context(environment), timeout=CONNECT_TIMEOUT_SECONDS
    )
    # The time limit is for connecting; a statement may wait longer than that for the server.
    connection._usock.settimeout(None)
    return connection


def _is_refused(error: Exception) -> bool:
    """Whether the server says that user or password is wrong; both drivers hand its words on in the same form."""
    details: Any = error.args[0] if error.args else {}
    return isinstance(details, dict) and str(details.get("C", "")).startswith("28")


def secret_text(secret: str, stage: str = CURRENT) -> str:
    """What a version of a secret holds, by the secret's name or ARN; empty where none has this stage."""
    # Imported here: a connection that is given needs no AWS. Not through awswrangler, whose import takes half a second
    # and 100 MB of a Lambda's start.
    import boto3

    client = boto3.client("secretsmanager")
    try:
        return str(client.get_secret_value(SecretId=secret, VersionStage=stage)["SecretString"])
    except client.exceptions.ResourceNotFoundException:
        if stage == CURRENT:
            raise
        return ""


def connection_arguments(text: str, engines: tuple[str, ...], **place: str) -> dict[str, Any]:
    """What a driver connects with, from the JSON that RDS and Secrets Manager's rotation write.

    `place` are the host and port of a secret that does not have them. Raises KeyError, TypeError or ValueError where it
    is not such JSON, or of another engine.
    """
    values = {**json.loads(text), **place}
    if values["engine"] not in engines:
        raise ValueError(f"engine is {values['engine']}")
    port = int(values["port"])
    if not 0 < port < 1 << 16:
        raise ValueError(f"port is {port}")
    texts = {name: values[name] for name in ("host", "dbname", "username", "password")}
    if wrong := [name for name, text in texts.items() if not isinstance(text, str)]:
        raise ValueError(f"{' and '.join(wrong)} must be text")
    # As the driver will; it raises UnicodeError, a ValueError, where no host can be called so.
    texts["host"].encode("idna")
    return {
        "user": texts["username"],
        "password": texts["password"],
        "host": texts["host"],
        "port": port,
        "database": texts["dbname"],
    }


def prepare_session(connection: Connection) -> None:
    """Gives a new session its limits; commits."""
    cursor = connection.cursor()
    with classified("the database"):
        for name, value in SESSION_SETTINGS.items():
            cursor.execute("select set_config(%s, %s, false)", (name, value))
        connection.commit()


def tls_context(environment: Mapping[str, str]) -> ssl.SSLContext | Literal[False]:
    """What DATABASE_TLS and DATABASE_CA_BUNDLE ask for; False is a connection in the clear.

    Not None: that is pg8000's "TLS if the server likes, unverified".
    """
    mode = environment.get("DATABASE_TLS", "verify-full")
    if mode == "off":
        return False
    if mode != "verify-full":
        raise TerminalError(f"DATABASE_TLS is {mode!r}", remedy="set it to verify-full or off")
    bundle = environment.get("DATABASE_CA_BUNDLE")
    try:
        return ssl.create_default_context(cafile=bundle or None)
    except OSError as error:
        raise TerminalError(
            f"DATABASE_CA_BUNDLE {bundle} cannot be read: {error}", remedy="deploy the CA bundle of RDS with the code"
        ) from error


def is_alive(connection: Connection) -> bool:
    """Whether a connection from an earlier invocation still answers; it is rolled back first."""
    try:
        connection.rollback()
        connection.cursor().execute("select 1")
        connection.rollback()
    except LOST:
        return False
    return True


@contextmanager
def transaction(connection: Connection) -> Iterator[Cursor]:
    """One transaction: committed at the end of the block, rolled back when it raises, with its error classified."""
    with classified("the database"):
        try:
            yield connection.cursor()
            connection.commit()
        except Exception:
            _roll_back(connection)
            raise
        except BaseException:
            # Interrupted, perhaps in the middle of a message: the session cannot be asked anything any more.
            _abandon(connection)
            raise


def _roll_back(connection: Connection) -> None:
    try:
        connection.rollback()
    except LOST:
        _abandon(connection)


def _abandon(connection: Connection) -> None:
    """Closes the socket without a word: the server rolls back when it notices."""
    if connection._usock is not None:
        connection._usock.close()


@contextmanager
def classified(what: str) -> Iterator[None]:
    """Turns errors of the driver, the network and AWS into the three families; the loader's own pass through."""
    try:
        yield
    except LoaderError:
        raise
    except pg8000.dbapi.DatabaseError as error:
        raise _database_error(what, error) from error
    except (ClientError, BotoCoreError) as error:
        raise aws_error(what, error) from error
    except ssl.SSLError as error:
        raise TerminalError(
            f"{what}: TLS failed: {error}", remedy="check DATABASE_CA_BUNDLE and the host name"
        ) from error
    except (pg8000.dbapi.InterfaceError, OSError) as error:
        if "refuses SSL" in str(error):
            raise TerminalError(
                f"{what} has no TLS", remedy="let the server offer it, or set DATABASE_TLS=off"
            ) from error
        raise TransientError(
            f"{what} cannot be reached: {error}", remedy="check that it runs and is reachable"
        ) from error


def _database_error(what: str, error: pg8000.dbapi.DatabaseError) -> LoaderError:
    details: Any = error.args[0] if error.args else {}
    if not isinstance(details, dict):
        return TransientError(f"{what}: {details}", remedy="try again")
    state, message = str(details.get("C", "")), str(details.get("M", ""))
    described = f"{what}: {message} (SQLSTATE {state})"
    if state.startswith(TRANSIENT_STATES):
        return TransientError(described, remedy="try again")
    if state.startswith("28"):
        return TerminalError(described, remedy="check the user and password in the database's secret")
    if state in ("42P01", "42703", "3F000"):
        return TerminalError(described, remedy="apply the migrations: invoke the migrate function")
    return TerminalError(described)


def aws_error(what: str, error: ClientError | BotoCoreError) -> LoaderError:
    """An error of AWS as one of the three families."""
    if not isinstance(error, ClientError):
        return TransientError(f"{what}: {error}", remedy="try again")
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in ("AccessDenied", "AccessDeniedException", "403", "KMS.AccessDeniedException"):
        return TerminalError(f"{what}: access denied", remedy="let the loader's role read it")
    if status >= 500 or status == 429 or "Throttl" in code or "SlowDown" in code or "RequestTimeout" in code:
        return TransientError(f"{what}: {code}", remedy="try again")
    return TerminalError(f"{what}: {error}")
