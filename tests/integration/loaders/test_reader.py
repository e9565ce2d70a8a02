"""The user that reads: what it sees, what it may not do, and that its password stays with it."""

import uuid

import pg8000.dbapi
import pytest

from loaders.reader import make_reader
from localcloud.postgres import USER
from tests.integration.loaders.conftest import Pipeline

PASSWORD = "of the reader: 'π'"


def connect(pipeline: Pipeline, user: str, password: str) -> pg8000.dbapi.Connection:
    settings = pipeline.postgres.settings
    return pg8000.dbapi.connect(user, "127.0.0.1", pipeline.database, settings.postgres_port, password, timeout=60)


@pytest.fixture
def reader(pipeline: Pipeline) -> str:
    name = f'reader "{uuid.uuid4().hex[:8]}"'
    connection = pipeline.connect()
    assert f"role {name}" in make_reader(connection, name, PASSWORD)
    assert make_reader(connection, name, PASSWORD) == []
    connection.close()
    return name


def test_it_reads_what_there_is_and_what_is_made_later_in_schemas_of_any_name(pipeline: Pipeline, reader: str) -> None:
    pipeline.query("create schema later")
    pipeline.query("create table later.made (one int)")
    connection = connect(pipeline, reader, PASSWORD)
    for table in ("raw.sales", "ops.deliveries", "later.made"):
        connection.cursor().execute(f"select * from {table}")
    connection.close()


@pytest.mark.parametrize(
    "statement",
    ["delete from raw.sales", "create schema mine", "create table raw.mine (one int)", "truncate ops.loads"],
)
def test_it_changes_nothing(pipeline: Pipeline, reader: str, statement: str) -> None:
    for allow in ("", "set default_transaction_read_only = off;"):
        connection = connect(pipeline, reader, PASSWORD)
        with pytest.raises(pg8000.dbapi.DatabaseError, match=r"permission denied|read-only"):
            connection.cursor().execute(allow + statement)
        connection.close()


def test_a_new_password_ends_the_old_one_and_neither_is_kept_in_the_clear(pipeline: Pipeline, reader: str) -> None:
    connection = pipeline.connect()
    make_reader(connection, reader, "another")
    cursor = connection.cursor()
    cursor.execute("select rolpassword from pg_authid where rolname = %s", (reader,))
    assert cursor.fetchall()[0][0].startswith("SCRAM-SHA-256$")
    connection.close()
    connect(pipeline, reader, "another").close()
    with pytest.raises(pg8000.dbapi.DatabaseError, match="password"):
        connect(pipeline, reader, PASSWORD)


def test_the_driver_sends_no_password_in_a_statement(pipeline: Pipeline) -> None:
    statements: list[str] = []
    connection = pipeline.connect()
    execute = connection.execute_simple

    def listen(statement: str) -> object:
        statements.append(statement)
        return execute(statement)

    connection.execute_simple = listen
    make_reader(connection, f"{USER}_reader_{uuid.uuid4().hex[:8]}", "in-the-clear")
    connection.close()
    assert any("alter role" in statement for statement in statements)
    assert not any("in-the-clear" in statement for statement in statements)
