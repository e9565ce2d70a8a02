"""Statements as PostgreSQL gets them: edited at their tokens, the rest as it was written."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.redshift.dialect import refusals
from localcloud.redshift.rewrite import rewrite
from localcloud.redshift.statement_log import without_literals
from localcloud.redshift.tokens import UnreadableSqlError, statements

WORDS = [
    "select", "from", "where", "with", "as", "(", ")", ",", ".", ";", "create", "table", "temp", "if", "not",
    "exists", "primary", "key", "unique", "references", "distkey", "sortkey", "diststyle", "all", "identity",
    "encode", "auto", "backup", "no", "listagg", "distinct", "within", "group", "order", "by", "over", "partition",
    "rows", "nvl", "dateadd", "datediff", "cast", "::", "varchar", "max", "numeric", "text", "'x'", "1", "\"Q\"",
    "a", "b", "insert", "into", "values", "update", "set", "delete", "merge", "alter", "column", "add", "type",
    "constraint", "drop", "truncate", "copy", "iam_role", "unload", "to", "show", "tables", "schema", "like",
    "vacuum", "analyze", "lock", "returning", "on", "conflict", "filter", "lateral", "limit", "[", "]", "array",
    "->", "concat", "for", "view", "binding", "check", "foreign", "character", "varying", "super", "$", "?",
    "/*x*/", "declare", "cursor", "prepare", "explain", "function", "u", "&", "'select a'", "$$x$$",
]  # fmt: skip


def rewritten(sql: str) -> str:
    return rewrite(statements(sql)[0]).sql


@given(st.lists(st.sampled_from(WORDS), max_size=16), st.sampled_from(["", "create table t (", "alter table t add "]))
@settings(max_examples=200)
def test_no_order_of_words_breaks_the_rules_or_the_rewriting(words: list[str], start: str) -> None:
    sql = start + " ".join(words)
    refusals(sql)
    for statement in statements(sql):
        rewrite(statement)


@given(st.text())
@settings(max_examples=100)
def test_any_text_is_read_or_said_to_be_unreadable(text: str) -> None:
    try:
        for statement in statements(text):
            assert all(text[token.start : token.end] for token in statement.tokens)
    except UnreadableSqlError:
        assert [refusal.rule for refusal in refusals(text)] == ["unreadable"]


def test_a_statement_that_both_understand_is_left_to_the_last_blank() -> None:
    sql = "select  a.b ,\n\t'it''s  -- \"x\"' /* kept */ from t  -- end\n where c in (1,2)"
    assert rewritten(sql) == sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("create table t (primary key (a), a int)", "create table t ( a int)"),
        ("create table t (a int, primary key (a))", "create table t (a int)"),
        ("create table t (a int encode zstd distkey)", "create table t (a int  )"),
        ("create table t diststyle even as select 1 as n", "create table t  as select 1 as n"),
        ("create table t (a numeric, b numeric(3))", "create table t (a numeric(18, 0), b numeric(3))"),
        ("select a::varchar, b::varchar(max) from t", "select a::varchar, b::varchar(65535) from t"),
        ("select dateadd(day, 1, x), day from t", "select dateadd('day', 1, x), day from t"),
        ("select nvl(nvl(a, b), c) from t", "select coalesce(coalesce(a, b), c) from t"),
        ("select t.sysdate, sysdate from t", "select t.sysdate, sysdate() from t"),
        ('select "Total" from "T"', 'select "total" from "t"'),
        ("drop schema db.s cascade", "drop schema s cascade"),
        ("lock a, b", "lock table a, b"),
        ("delete t where a = 1", "delete from t where a = 1"),
        ("delete from", "delete from"),
    ],
)
def test_what_postgresql_lacks_is_taken_off_or_written_in_another_way(sql: str, expected: str) -> None:
    assert rewritten(sql) == expected


@pytest.mark.parametrize(
    ("sql", "shown"),
    [
        ("select 'Ada', 17, $1 from t", "select '?', ?, $1 from t"),
        ("create table t (a varchar(20) default 'x')", "create table t (a varchar(20) default '?')"),
        ("copy t from 's3://b/k' secret_access_key 'hush'", "copy t from '?' secret_access_key '?'"),
        ("select 'never closed", "(not readable as SQL)"),
    ],
)
def test_the_log_shows_no_literal(sql: str, shown: str) -> None:
    assert without_literals(sql) == shown
