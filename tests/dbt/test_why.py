"""`xtage why` on built marts: one id that came four times, with a wrong price, in a file that was withdrawn."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from loaders.provenance import key_pattern
from tests.dbt.reference_values import clean, integer
from tests.dbt.test_casts import PIECES
from tests.dbt.warehouse import Warehouse
from xtage import cli

Why = Callable[..., tuple[int, str, str]]

FIRST, SECOND, THIRD, FOURTH = (datetime(2026, 1, day, 12) for day in (10, 11, 12, 13))


def sale(transaction_id: str, price: str) -> dict[str, str | None]:
    return {
        "transaction_id": transaction_id,
        "product_id": "7",
        "quantity": "2",
        "price": price,
        "transaction_date": "05/01/2026",
    }


def paid(transaction_id: str) -> dict[str, str | None]:
    record = sale(transaction_id, "") | {"customer_id": "Löffel\n", "total_amount": "10.00", "quantity": " 7 "}
    del record["price"]
    return record | {"transaction_date": "2026-01-05"}


def rate(currency: str, day: str, value: str) -> dict[str, str | None]:
    return {"currency_code": currency, "date": day, "exchange_rate": value}


@pytest.fixture(scope="module")
def warehouse(make_warehouse: Callable[[str], Warehouse], project_that_replaces: Path) -> Warehouse:
    warehouse = replace(make_warehouse("why"), project=project_that_replaces)
    warehouse.land("sales", [sale("12", "5"), sale(" 12.0 ", "6"), sale("112", "1")], FIRST, "raw/sales/a.csv")
    warehouse.land("sales", [sale("9", "1"), sale("+12", "-1")], SECOND, "raw/sales/b.csv")
    warehouse.land("sales", [sale("012", "8"), sale("120", "8"), sale("77", "8")], THIRD, "raw/sales/c.csv", 0)
    warehouse.land("sales", [sale("13", "8")], FOURTH, "raw/sales/c.csv", 1)
    warehouse.land("transactions", [paid("12"), paid("14")], FIRST, "raw/transactions/t.csv")
    rates = [rate("eur", "2026-01-04", "2"), rate("GBP", "2026-01-06", "3"), rate("EUR", "2026-01-05", "-1")]
    warehouse.land("exchange_rates", rates, FIRST, "raw/exchange_rates/r.json")
    warehouse.dbt("run")
    return warehouse


@pytest.fixture
def why(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Why:
    """Runs `xtage why`: exit code, stdout, stderr."""
    for name, value in warehouse.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("XTAGE_SCHEMA_PREFIX", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = cli.exit_code(["why", "--target", "rds", *arguments])
        return code, *capsys.readouterr()

    return run


def told(why: Why, transaction_id: str) -> Any:
    code, printed, _ = why(transaction_id, "--format", "json")
    assert code == 0
    return json.loads(printed, parse_float=str)


def place(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return record["object_key"], record["version_id"], record["delivered_at"], record["row_number"]


def test_the_unified_row_is_the_one_of_the_marts(why: Why, warehouse: Warehouse) -> None:
    row = told(why, "12")["unified"]
    found = warehouse.query(
        "select transaction_id, amount::text, issue_count from marts.unified_sales where transaction_id = 12"
    )
    assert (row["transaction_id"], row["amount"], row["issue_count"]) == found[0]


def test_the_current_records_are_told_with_their_file_their_exact_text_and_their_issues(why: Why) -> None:
    found = told(why, "12")
    assert place(found["sale"]) == ("raw/sales/b.csv", "v0", "2026-01-11T12:00:00", 2)
    assert found["sale"]["raw"] == {**sale("+12", "-1"), "_extra": None}
    assert found["sale"]["issues"] == [
        {"column_name": "price", "raw_value": "-1", "rule": "below_minimum", "severity": "error"}
    ]
    assert place(found["transaction"]) == ("raw/transactions/t.csv", "v0", "2026-01-10T12:00:00", 1)
    assert found["transaction"]["raw"] == {**paid("12"), "_extra": None}
    assert [issue["raw_value"] for issue in found["transaction"]["issues"]] == ["Löffel\n"]


def test_every_record_that_lost_is_told_with_its_file_and_the_reason_newest_first(why: Why) -> None:
    earlier = told(why, "12")["earlier"]
    assert [(place(one)[0], one["row_number"], one["state"], one["raw"]["price"]) for one in earlier] == [
        ("raw/sales/c.csv", 1, "superseded", "8"),
        ("raw/sales/a.csv", 2, "replaced", "6"),
        ("raw/sales/a.csv", 1, "replaced", "5"),
    ]
    assert earlier[0]["version_id"] == "v0"
    assert "rewritten" in earlier[0]["reason"]
    assert "newer delivery" in earlier[1]["reason"]


def test_the_rate_behind_an_amount_is_told_with_its_file_and_a_later_rate_is_not_used(why: Why) -> None:
    eur, gbp = told(why, "12")["conversions"]
    assert (eur["amount"], eur["exchange_rate"], eur["rate_date"], eur["rate_age_days"]) == (
        "20.0000",
        "2.0000000000",
        "2026-01-04",
        1,
    )
    assert place(eur["rate_record"]) == ("raw/exchange_rates/r.json", "v0", "2026-01-10T12:00:00", 1)
    assert eur["rate_record"]["raw"] == {**rate("eur", "2026-01-04", "2"), "_extra": None}
    assert (gbp["currency_code"], gbp["amount"], gbp["rate_record"]) == ("GBP", None, None)


def test_an_id_that_one_feed_knows_and_an_id_that_was_withdrawn_are_told_too(why: Why) -> None:
    assert told(why, "9")["transaction"] is None
    assert told(why, "14")["sale"] is None
    withdrawn = told(why, "77")
    assert withdrawn["unified"] is None
    assert [one["state"] for one in withdrawn["earlier"]] == ["superseded"]


def test_a_person_reads_the_same_as_a_table(why: Why) -> None:
    code, printed, _ = why("12")
    assert code == 0
    for text in ("raw/sales/b.csv version v0 of 2026-01-11 12:00:00, row 2", "below_minimum (error)", '"Löffel\\n"'):
        assert text in printed
    assert "not in unified_sales" in why("77")[1]


@pytest.mark.parametrize("text", [" 12 ", "+12", "0012", "12.00", "12\n"], ids=repr)
def test_an_id_may_be_copied_as_it_stands_in_a_file(text: str, why: Why) -> None:
    assert told(why, text)["transaction_id"] == 12


@pytest.mark.parametrize(
    "text",
    ["", "twelve", "1e1", "1,2", "12; drop table raw.sales", "'", "\u0661\u0662", "9" * 19, "12.5", "\0"],
    ids=repr,
)
def test_what_is_no_id_is_one_line_that_says_what_to_give(text: str, why: Why) -> None:
    code, printed, error = why(text)
    assert (code, printed) == (1, "")
    assert error.startswith("xtage: ")
    assert error.endswith("is not a transaction id; give the whole number that stands in the column Transaction_ID\n")


def test_an_id_that_no_record_has_is_one_line_that_says_what_to_do(why: Why) -> None:
    assert why("--", "-12") == (
        1,
        "",
        "xtage: no sale and no transaction has the id -12; check the id; if its file came after the last build,"
        " `xtage run` first\n",
    )


def test_a_database_without_marts_is_one_line_that_says_what_to_do(why: Why, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTAGE_SCHEMA_PREFIX", "no\"body's {here}")
    code, _, error = why("12")
    assert code == 1
    assert "the marts are not built here" in error
    assert "dbt run" in error


def test_records_of_a_key_are_found_by_every_text_that_staging_reads_as_it(warehouse: Warehouse) -> None:
    dice = Random(3)
    made = ["".join(dice.choices([*PIECES, "12", "0", ".0", " ", "+", "-"], k=dice.randint(1, 4))) for _ in range(3000)]
    texts = [" 12\t", "+012.00", "-0", "0.0", "12.", "1 2", "\u00a012", "-12", "00", *made]
    for key in (12, 0, -12, 2**63 - 1):
        sql = "select text from unnest(%s::text[]) as texts (text) where text ~ %s"
        found = {text for (text,) in warehouse.query(sql, texts, key_pattern(key))}
        assert found == {text for text in texts if (kept := clean(text)) is not None and integer(kept) == key}


def test_an_id_is_found_by_indexes_whatever_the_size_of_the_history(warehouse: Warehouse) -> None:
    indexed = "select schemaname || '.' || tablename from pg_indexes where indexdef like any (%s)"
    found = {
        name for (name,) in warehouse.query(indexed, ["%(transaction_id)", "%(load_id, row_number)", "%USING brin%"])
    }
    assert found >= {
        "marts.unified_sales",
        "marts.data_issues",
        "intermediate.int_sales",
        "intermediate.int_transactions",
        "raw.sales",
        "raw.transactions",
        "raw.exchange_rates",
    }


def test_no_index_is_asked_of_redshift(warehouse: Warehouse) -> None:
    """dbt would use what PostgreSQL's adapter says for it, and Redshift knows no `create index`."""
    inline = "select '{{ redshift__get_create_index_sql(this, {}) }}'"
    assert warehouse.dbt("--quiet", "compile", "--inline", inline).strip() == "select 'None'"
