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


ONE_OF_EACH = dict(reversed(REFUSED))


@pytest.mark.parametrize(("rule", "sql"), ONE_OF_EACH.items(), ids=ONE_OF_EACH)
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
