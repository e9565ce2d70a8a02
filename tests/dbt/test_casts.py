"""The casts on hostile text: never an error, never a guess, the same as plain Python reads it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from tests.dbt import reference_values
from tests.dbt.warehouse import Warehouse

DELIVERED_AT = datetime(2024, 3, 1, 23, 59)
# Digits of other scripts, a superscript, a minus sign and a blank that are none of ASCII's.
FOREIGN = ("\u0663", "\u00b2", "\u2212", "\U0001d7d9", "\u00a0")
# fmt: off
PIECES = (
    *"0123456789", *FOREIGN,
    "+", "-", ".", ",", "e", "E", "/", " ", "\t", "\n", "'", '"', "\\", "%", "_", "$", "x",
    "00", "29", "30", "31", "12", "02", "2024", "1900", "2000", "1e", "null", "NaN", "Infinity", "9" * 18, "1" * 40,
)
HOSTILE = (
    "1e400", "12,5", " 7 ", "7.0", "7.", ".7", ".", "+7", "--7", "1e3", "1E+05", "1e-99", "9e99", "0x10", "1_000",
    "2022-02-30", "31/04/2022", "29/02/2024", "29/02/2023", "02-29-1900", "02-29-2000", "0000-01-01", "9999-12-31",
    "2147483647", "2147483648", "-2147483648", "999999999999999999", "1" * 19, "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "0009223372036854775807", "9" * 19,
    "1" * 40, "1" * 41, "0" * 50 + "7",
    "99999999999999.99994", "99999999999999.99995", "0.00005", "-0.00005", "0.00004999", "1" * 14, "1" * 15,
    "-0.000000001", "-0.00004999", "-1e-40", "-0", "-0.0", "-0e5", "0.00000000001", "0.00000000005", "-1e-11",
    "5.", ".5", "--5", "+5", "12:00", "\u2007" + "7", "7\u3000", "\ufeff7", "7\u200b",
    "2024-03-01", "2024-03-02", "epoch", "now", "infinity", "today", "7\u00a0", "a\\b", "a'b", "%", "NULL ", "Unknown",
    "\u0662\u0660\u0662\u0662-\u0661\u0662-\u0660\u0666",
)
# fmt: on


def hostile_texts(count: int) -> list[str | None]:
    dice = Random(5)
    made = ["".join(dice.choices(PIECES, k=dice.randint(1, 9))) for _ in range(count)]
    dates = [
        dice.choice(["{y:04}-{m:02}-{d:02}", "{d:02}/{m:02}/{y:04}", "{m:02}-{d:02}-{y:04}"]).format(
            y=dice.choice([0, 1, 4, 1900, 2000, 2023, 2024, 2100]), m=dice.randint(0, 13), d=dice.randint(0, 32)
        )
        for _ in range(count)
    ]
    return [None, "", *HOSTILE, *made, *dates]


@pytest.fixture(scope="module")
def warehouse(make_warehouse: Callable[[str], Warehouse]) -> Warehouse:
    """Each hostile text in every column of a sale and of a rate, with the base views on them."""
    warehouse = make_warehouse("dbt_casts")
    texts = hostile_texts(1500)
    warehouse.land(
        "sales",
        [dict.fromkeys(reference_values.FIELDS["sales"], text) for text in texts],
        DELIVERED_AT,
        "sales.csv",
    )
    warehouse.land(
        "exchange_rates",
        [{"currency_code": "EUR", "date": "2024-01-01", "exchange_rate": text} for text in texts],
        DELIVERED_AT,
        "rates.json",
    )
    warehouse.dbt("run", "--select", "+base_sales", "+base_exchange_rates")
    return warehouse


@pytest.fixture(scope="module")
def staged(warehouse: Warehouse) -> list[dict[str, Any]]:
    """The hostile texts as the base views read them."""
    found = warehouse.query(
        "select sales.price_raw, sales.transaction_id, sales.quantity, sales.quantity_issue, sales.price,"
        " sales.price_issue, sales.transaction_date, sales.transaction_date_issue, rates.exchange_rate"
        " from staging.base_sales as sales"
        " inner join staging.base_exchange_rates as rates on sales._row_number = rates._row_number"
    )
    assert len(found) == len(hostile_texts(1500))
    names = ("text", "identifier", "quantity", "quantity_issue", "price", "price_issue", "date", "date_issue", "rate")
    return [dict(zip(names, row, strict=True)) for row in found]


def test_every_text_is_read_as_plain_python_reads_it(staged: list[dict[str, Any]]) -> None:
    for row in staged:
        record = dict.fromkeys(reference_values.FIELDS["sales"], row["text"])
        expected, problems = reference_values.standardize("sales", record, DELIVERED_AT.date())
        rules = {problem.column: problem.rule for problem in problems}
        assert row == {
            "text": row["text"],
            "identifier": expected["transaction_id"],
            "quantity": expected["quantity"],
            "quantity_issue": rules.get("quantity"),
            "price": expected["price"],
            "price_issue": rules.get("price"),
            "date": expected["transaction_date"],
            "date_issue": rules.get("transaction_date"),
            "rate": expected_rate(row["text"]),
        }


def expected_rate(text: str | None) -> Decimal | None:
    record = {"currency_code": "EUR", "date": "2024-01-01", "exchange_rate": text}
    rate: Decimal | None = reference_values.standardize("exchange_rates", record, DELIVERED_AT.date())[0][
        "exchange_rate"
    ]
    return rate


def test_the_hostile_texts_hold_values_of_every_kind(staged: list[dict[str, Any]]) -> None:
    for name in ("identifier", "quantity", "price", "date", "rate"):
        assert sum(row[name] is not None for row in staged) > 20


def test_a_limit_is_compared_with_the_same_number_for_redshift_to_the_twentieth_place(warehouse: Warehouse) -> None:
    ways = ", ".join(f"{{{{ {way}__exact_decimal('text') }}}}" for way in ("redshift", "postgres"))
    texts = "{{ clean_text('price_raw') }} as text from {{ ref('base_sales') }} where price is not null"
    sql = f"select {ways}, text from (select {texts} or price_issue = 'below_minimum') as texts"
    found = warehouse.query(warehouse.dbt("--quiet", "compile", "--inline", sql))
    assert [row for row in found if abs(row[0] - row[1]) > Decimal("5e-20")] == []
    assert sum(row[1] < 0 for row in found) > 5


@pytest.mark.parametrize(("precision", "scale"), [(18, 4), (24, 10)], ids=["money", "rate"])
def test_the_decimal_cast_for_redshift_reads_what_the_one_for_postgres_reads(
    precision: int, scale: int, warehouse: Warehouse
) -> None:
    """It uses nothing that PostgreSQL lacks; what Redshift makes of it is for a real cluster to show."""
    columns = (f"{way}__to_decimal('text', {precision}, {scale})" for way in ("redshift", "postgres"))
    texts = "{{ clean_text('price_raw') }} as text from {{ ref('base_sales') }}"
    sql = f"select {', '.join(f'{{{{ {column} }}}}' for column in columns)}, text from (select {texts}) as texts"
    found = warehouse.query(warehouse.dbt("--quiet", "compile", "--inline", sql))
    assert [row for row in found if row[0] != row[1]] == []
    assert sum(row[0] is not None for row in found) > 100
