"""The conversation: who is let in, transactions, large answers, cancelled statements, clients that die."""

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import psycopg
import pytest
from redshift_connector.error import Error

from tests.redshift.endpoint import Endpoint, variables
from tests.redshift.protocol.queries import numbers, refusal, rows


def test_the_driver_finds_redshift_behind_verified_tls(connection: Any) -> None:
    assert "Redshift" in rows(connection, "select version()")[0][0]
    assert (b"server_version", b"8.0.2") in connection.parameter_statuses


def test_an_authority_that_the_client_does_not_trust_is_refused_by_the_client(harness: Endpoint) -> None:
    with variables({"SSL_CERT_FILE": "/nonexistent"}), pytest.raises(Error, match="CERTIFICATE_VERIFY_FAILED"):
        # Not `harness.connect`, which trusts the harness.
        type(harness)(**{**vars(harness), "harness": None}).connect()


def test_nobody_gets_in_without_tls(harness: Endpoint) -> None:
    with pytest.raises(Error, match="connect with TLS"):
        harness.connect(ssl=False)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"password": ""}, "password authentication failed"),
        ({"user": "nobody"}, "password authentication failed"),
        ({"database": "xtage"}, "does not exist"),
    ],
    ids=["wrong password", "no password", "unknown user", "another database"],
)
def test_user_password_and_database_are_checked(harness: Endpoint, changed: dict[str, str], told: str) -> None:
    with pytest.raises(Error, match=told):
        harness.connect(**changed)


def test_a_user_made_in_redshift_logs_in_with_rights_of_its_own(harness: Endpoint, connection: Any) -> None:
    rows(connection, "create user xtage_guest password 'Guest4Tests'")
    try:
        guest = harness.connect(user="xtage_guest", password="Guest4Tests")
        assert rows(guest, "select current_user") == [["xtage_guest"]]
        assert refusal(guest, "create schema not_for_guests")["C"] == "42501"
        guest.close()
    finally:
        rows(connection, "drop user xtage_guest")


def test_parameters_and_repeated_statements_go_through_the_extended_protocol(connection: Any, schema: str) -> None:
    rows(connection, f"create table {schema}.things (id bigint, name varchar(20))")
    connection.cursor().executemany(f"insert into {schema}.things values (%s, %s)", [(1, "a'\\"), (2, "é"), (3, None)])
    assert rows(connection, f"select name from {schema}.things order by id") == [["a'\\"], ["é"], [None]]
    for number in (1, 2, 3):
        assert rows(connection, f"select id from {schema}.things where id = %s", number) == [[number]]


def test_a_hundred_thousand_rows_arrive_whole(connection: Any) -> None:
    found = rows(connection, f"select t0.n + t1.n * 10 + t2.n * 100 + t3.n * 1000 + t4.n * 10000 from {numbers(5)}")
    assert sorted(row[0] for row in found) == list(range(100_000))


def test_a_value_of_the_greatest_size_arrives_whole(connection: Any) -> None:
    assert rows(connection, "select repeat('x', 65535)") == [["x" * 65535]]


def test_a_refused_statement_ends_its_transaction_and_no_other(endpoint: Endpoint, schema: str) -> None:
    connection = endpoint.connect()
    rows(connection, f"create table {schema}.refused (id int)")
    connection.commit()
    rows(connection, f"insert into {schema}.refused values (1)")
    refusal(connection, "select string_agg(id, ',') from x")
    assert refusal(connection, "select 1")["C"] == "25P02"
    connection.rollback()
    assert rows(connection, f"select count(*) from {schema}.refused") == [[0]]
    connection.close()


def test_simple_queries_of_several_statements_are_answered_one_by_one(harness: Endpoint) -> None:
    with _psycopg(harness) as client:
        cursor = client.execute("select 1; select 'a;b'")
        assert cursor.fetchall() == [(1,)]
        assert cursor.nextset()
        assert cursor.fetchall() == [("a;b",)]
        with pytest.raises(psycopg.Error, match="distinct_on"):
            client.execute("select 1; select distinct on (a) a from t; select 2")
        assert client.execute("select 3").fetchall() == [(3,)]


def test_a_statement_can_be_cancelled_and_the_session_goes_on(harness: Endpoint) -> None:
    with _psycopg(harness) as client:
        threading.Timer(0.3, client.cancel).start()
        started = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            client.execute(f"select count(*) from {numbers(10)}")
        assert time.monotonic() - started < 10
        assert client.execute("select 1").fetchall() == [(1,)]


def _psycopg(harness: Endpoint) -> psycopg.Connection[Any]:
    assert harness.harness is not None
    return psycopg.connect(
        host=harness.host,
        port=harness.port,
        user=harness.user,
        password=harness.password,
        dbname=harness.database,
        sslmode="verify-full",
        sslrootcert=str(harness.harness.authority),
        autocommit=True,
    )


DYING = """
import sys
from redshift_connector import connect
connection = connect(**eval(sys.argv[1]))
cursor = connection.cursor()
cursor.execute("insert into {table} values (1)")
cursor.execute("lock {table}")
print("ready", flush=True)
cursor.execute("select count(*) from {many}")
"""


def test_a_client_that_is_killed_leaves_no_rows_and_no_locks(endpoint: Endpoint, connection: Any, schema: str) -> None:
    table = f"{schema}.orphaned"
    rows(connection, f"create table {table} (id int)")
    names = ("host", "port", "user", "password", "database")
    login = repr({name: getattr(endpoint, name) for name in names} | {"sslmode": "verify-full"})
    script = DYING.format(table=table, many=numbers(10))
    with subprocess.Popen(
        [sys.executable, "-c", script, login],
        env={**os.environ, **endpoint.environment},
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == "ready\n"
        client.send_signal(signal.SIGKILL)
    started = time.monotonic()
    rows(connection, f"truncate {table}")
    assert time.monotonic() - started < 15
    assert rows(connection, f"select count(*) from {table}") == [[0]]
