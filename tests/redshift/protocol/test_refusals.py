"""What Redshift does not take is refused on the wire, and `xtage sql` passes the reason on."""

import os
import re
from typing import Any

import pytest
from redshift_connector.error import Error

from tests.redshift.endpoint import Endpoint
from tests.redshift.protocol.queries import refusal, rows
from tests.redshift.refused import ACCEPTED, REFUSED
from xtage.cli import exit_code


@pytest.mark.parametrize(("rule", "sql"), REFUSED, ids=[f"{rule}: {sql[:60]}" for rule, sql in REFUSED])
def test_it_is_refused_on_the_wire(endpoint: Endpoint, connection: Any, rule: str, sql: str) -> None:
    fields = refusal(connection, sql)
    assert fields["S"] == "ERROR"
    assert len(fields["C"]) == 5
    if endpoint.harness:
        assert fields["M"].endswith(f"[{rule}]")


def test_the_same_words_elsewhere_are_not_refused_on_the_wire(harness: Endpoint) -> None:
    connection = harness.connect()
    told = []
    for sql in ACCEPTED:
        try:
            rows(connection, sql)
        except Error as error:
            # Most name tables that are not there: PostgreSQL says so, no rule does.
            told.append(error.args[0]["M"])
        rows(connection, "rollback")
    connection.close()
    assert [message for message in told if re.search(r"\[[a-z_]+\]$", message)] == []
    assert len(told) < len(ACCEPTED)


# `xtage sql` reads through a cursor, behind which a statement that is no query must be seen too.
QUERIES = [
    ("unsupported_function", "select string_agg(name, ',') from products"),
    ("unsupported_function", "select n from generate_series(1, 10) as series (n)"),
    ("distinct_on", "select distinct on (id) id from products"),
    ("filter_clause", "select count(*) filter (where quantity > 1) from sales"),
    ("unsupported_type", "select body::jsonb from events"),
    ("on_conflict", "insert into products values (1) on conflict do nothing"),
    ("window_without_frame", "select sum(quantity) over (order by sold_at) from sales"),
    ("is_distinct_from", "select 1 from sales where quantity is distinct from 1"),
    ("lateral", "select * from sales, lateral (select sales.id) as x"),
    ("array", "select array[1, 2]"),
    ("returning", "delete from products returning id"),
    ("with_before_change", "with gone as (select 1 as id) delete from products using gone"),
    ("table_if_not_exists_as", "create table if not exists p as select 1 as n"),
    ("index", "create index by_name on products (name)"),
]


@pytest.mark.parametrize(("rule", "sql"), QUERIES, ids=[sql[:50] for _rule, sql in QUERIES])
def test_xtage_sql_tells_the_rule_in_one_line(
    harness: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rule: str, sql: str
) -> None:
    for name, value in harness.environment.items():
        monkeypatch.setenv(name, value)
    assert harness.harness is not None
    monkeypatch.setenv("XTAGE_HOME", str(harness.harness.settings.home))
    assert exit_code(["sql", "--target", "redshift", sql]) == 1
    told = capsys.readouterr().err
    assert told.startswith("xtage: Redshift: ")
    assert f"[{rule}]" in told
    assert told.count("\n") == 1


def test_xtage_sql_prints_an_answer_with_all_its_digits(
    harness: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in harness.environment.items():
        monkeypatch.setenv(name, value)
    assert harness.harness is not None
    monkeypatch.setenv("XTAGE_HOME", str(harness.harness.settings.home))
    query = (
        "select 1.2300::numeric(10, 4) as a, true as b, null::int as c, 'é' as d, timestamp '2024-01-02 03:04:05' as e"
    )
    assert exit_code(["sql", "--target", "redshift", "--format", "json", query]) == 0
    assert capsys.readouterr().out == (
        '[\n{"a": 1.2300, "b": true, "c": null, "d": "\\u00e9", "e": "2024-01-02 03:04:05"}\n]\n'
    )
    # xtage names the authority of the local harness for its own process.
    assert os.environ["SSL_CERT_FILE"] == str(harness.harness.authority)
