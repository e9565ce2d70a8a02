"""`xtage sql` on a real PostgreSQL: exact values, one statement, nothing written."""

import csv
import io
import json
from decimal import Decimal

import pytest

from localcloud.postgres import Postgres
from xtage import cli

VALUES = """
    select
        1.50::numeric(8, 4) as money, 'NaN'::numeric as odd, 9007199254740993::bigint as large, true as yes,
        null::date as nothing, date '2022-02-28' as day, e'x,"y"\\nz' as words, '{"a": [1]}'::jsonb as document
"""


@pytest.fixture(autouse=True)
def environment(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in postgres.settings.as_environment().items():
        monkeypatch.setenv(name, value)


def ask(*arguments: str) -> int:
    return cli.exit_code(["sql", *arguments])


def test_json_has_exact_numbers_and_real_nulls(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("--format", "json", VALUES) == 0
    assert json.loads(capsys.readouterr().out, parse_float=Decimal) == [
        {
            "money": Decimal("1.5000"),
            "odd": "NaN",
            "large": 9007199254740993,
            "yes": True,
            "nothing": None,
            "day": "2022-02-28",
            "words": 'x,"y"\nz',
            "document": {"a": [1]},
        }
    ]


def test_csv_comes_back_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("--format", "csv", VALUES) == 0
    header, row = csv.reader(io.StringIO(capsys.readouterr().out))
    assert header == ["money", "odd", "large", "yes", "nothing", "day", "words", "document"]
    assert row == ["1.5000", "NaN", "9007199254740993", "t", "", "2022-02-28", 'x,"y"\nz', '{"a": [1]}']


@pytest.mark.parametrize("form", ["json", "csv"])
def test_no_row_is_left_out_however_many_there_are(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("--format", form, "select generate_series(1, 12000) as number") == 0
    told = capsys.readouterr().out
    numbers = [row["number"] for row in json.loads(told)] if form == "json" else list(map(int, told.split()[1:]))
    assert numbers == list(range(1, 12_001))


def test_a_table_says_that_it_shows_only_the_first_rows(capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("select generate_series(1, 1001) as number") == 0
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1001
    assert "only the first 1,000 rows" in told.err


def test_no_rows_is_an_answer_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    for form, told in (("json", "[]\n"), ("csv", "a\n"), ("table", "a\n")):
        assert ask("--format", form, "select 1 as a where false") == 0
        assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("create table made (a int)", "read-only transaction"),
        ("with gone as (delete from pg_class returning 1) select * from gone", "data-modifying"),
        ("select 1; select 2", "multiple commands"),
        ("select 1; commit; create table made (a int)", "multiple commands"),
        ("commit; create table made (a int)", "multiple commands"),
        ("selec 1", "syntax error"),
        ("select * from nowhere", "nowhere"),
        ("", ""),
    ],
)
def test_what_is_not_one_reading_query_is_refused_in_one_line(
    query: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(query) == (1 if query else 0)
    line = capsys.readouterr().err
    assert why in line
    assert line.count("\n") <= 1


@pytest.mark.parametrize("query", ["show server_version", "explain select 1", "/* note */ (select 1)", "values (1)"])
def test_everything_that_reads_is_allowed(query: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(query) == 0
    assert capsys.readouterr().out


def test_a_wrong_password_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("XTAGE_POSTGRES_PASSWORD", "wrong")
    assert ask("select 1") == 1
    assert "password authentication failed" in capsys.readouterr().err
