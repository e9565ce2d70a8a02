"""The list of what Redshift refuses, without a connection."""

import doctest

import pytest

from localcloud.redshift import dialect
from localcloud.redshift.dialect import RULES, refusals
from localcloud.settings import PROJECT
from tests.redshift.refused import ACCEPTED, REFUSED


@pytest.mark.parametrize(("rule", "sql"), REFUSED, ids=[f"{rule}: {sql[:60]}" for rule, sql in REFUSED])
def test_what_redshift_does_not_take_is_refused_with_the_rule_and_a_remedy(rule: str, sql: str) -> None:
    found = refusals(sql)
    assert [refusal.rule for refusal in found] == [rule]
    assert ";" in found[0].message or ": " in found[0].message
    assert 0 <= found[0].position < len(sql)


@pytest.mark.parametrize("sql", ACCEPTED, ids=[sql[:60] for sql in ACCEPTED])
def test_the_same_words_elsewhere_are_not_refused(sql: str) -> None:
    assert refusals(sql) == []


def test_every_rule_is_shown_by_a_statement_that_breaks_it() -> None:
    assert {rule.name for rule in RULES} == {rule for rule, _sql in REFUSED}


def test_every_rule_is_in_the_page_about_the_dialects() -> None:
    page = (PROJECT / "docs" / "dialects.md").read_text(encoding="utf-8")
    assert [rule.name for rule in RULES if f"`{rule.name}`" not in page] == []


def test_a_text_without_an_end_is_refused_and_not_guessed_at() -> None:
    assert [refusal.rule for refusal in refusals("select 'never closed")] == ["unreadable"]


def test_every_place_in_a_text_of_several_statements_is_told() -> None:
    sql = "select 1; select distinct on (a) a from t; insert into t values (1) on conflict do nothing"
    assert [(refusal.rule, sql[refusal.position :].split()[0]) for refusal in refusals(sql)] == [
        ("distinct_on", "distinct"),
        ("on_conflict", "on"),
    ]


def test_the_example_in_the_documentation_holds() -> None:
    assert doctest.testmod(dialect).failed == 0
