"""The database user of the API: may read every table, changes nothing. Made and kept by the migrations."""

from __future__ import annotations

from base64 import b64encode

from loaders.database import Connection, Cursor, classified, connection_arguments, secret_text, transaction
from loaders.errors import TerminalError
from loaders.migrate import LOCK
from loaders.tables import quoted

# As dbt makes it; whoever comes first.
ANALYST = "analyst"
SCHEMAS = ("raw", "ops", "intermediate", "marts")


def reader_credentials(secret: str) -> tuple[str, str]:
    """Name and password in the reader's secret. Raises LoaderError when they cannot be had."""
    with classified(f"the reader's secret {secret}"):
        try:
            arguments = connection_arguments(secret_text(secret), engines=("postgres", "postgresql"))
        except (KeyError, TypeError, ValueError) as error:
            raise TerminalError(f"secret {secret} is not what it should be: {error}", remedy="deploy again") from error
    return arguments["user"], arguments["password"]


def make_reader(connection: Connection, name: str, password: str) -> list[str]:
    """Makes the user or gives it this password, and lets it read what there is and what will be made.

    dbt replaces its tables, and takes back from the marts what its own grants do not name: being an analyst and default
    privileges let the reader in all the same. Returns what was made, in words; nothing the second time.
    """
    user = quoted(name)
    with transaction(connection) as cursor:
        cursor.execute(LOCK)
        made = [f"role {role}" for role in (ANALYST, name) if _make_role(cursor, role)]
        cursor.execute(f"alter role {user} with login password '{verifier(password)}'")
        # Whatever somebody may grant it one day.
        cursor.execute(f"alter role {user} set default_transaction_read_only = on")
        cursor.execute(f"grant {ANALYST} to {user}")
        cursor.execute(f"alter default privileges grant usage on schemas to {user}")
        cursor.execute(f"alter default privileges grant select on tables to {user}")
        for schema in _present(cursor):
            cursor.execute(f"grant usage on schema {schema} to {user}")
            cursor.execute(f"grant select on all tables in schema {schema} to {user}")
    return made


def _make_role(cursor: Cursor, role: str) -> bool:
    cursor.execute("select 1 from pg_roles where rolname = %s", (role,))
    if cursor.fetchall():
        return False
    cursor.execute(f"create role {quoted(role)}")
    return True


def _present(cursor: Cursor) -> list[str]:
    cursor.execute("select nspname from pg_namespace where nspname = any(%s)", (list(SCHEMAS),))
    return [str(row[0]) for row in cursor.fetchall()]


def verifier(password: str) -> str:
    """What the server keeps of a password (RFC 5803), so that no log of statements ever holds the password."""
    # The driver brings it, to log in with.
    from scramp import ScramMechanism

    salt, stored, server, iterations = ScramMechanism("SCRAM-SHA-256").make_auth_info(password)
    salt, stored, server = (b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt}${stored}:{server}"
