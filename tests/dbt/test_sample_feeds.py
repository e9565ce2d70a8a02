"""Six dirty sample files: dbt's marts against a count that shares no code with the pipeline."""

import csv
import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loaders.contract import load_contracts
from localcloud.settings import PROJECT
from samples import FILES, make_samples
from tests.dbt.comparison import FEEDS, assert_marts_equal_reference, reference_states
from tests.dbt.reference_marts import unified
from tests.dbt.warehouse import Delivery, Record, Warehouse
from tests.glue.nested import flat_tables

DELIVERED_AT = datetime(2026, 11, 1, 12, 30)


def read_records(file: Path) -> list[dict[str, str | None]]:
    """A file's records, names in lower case, numbers as they are written."""
    with file.open(encoding="utf-8", newline="") as stream:
        if file.suffix == ".csv":
            records: list[dict[str, str | None]] = list(csv.DictReader(stream))
        else:
            records = json.load(stream, parse_float=str, parse_int=str)
    return [{name.lower(): value for name, value in record.items()} for record in records]


@pytest.fixture(scope="module")
def sample(
    make_warehouse: Callable[[str], Warehouse], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Warehouse, list[Delivery], dict[int, list[Record]]]:
    """A warehouse with the sample feeds landed and `dbt build` done."""
    warehouse = make_warehouse("dbt_sample")
    folder = tmp_path_factory.mktemp("feeds")
    make_samples(folder, seed=11, records=400)
    deliveries: list[Delivery] = []
    loads: dict[int, list[Record]] = {}
    for feed in FEEDS:
        name = FILES[feed]
        records = read_records(folder / name)
        delivery = warehouse.land(feed, records, DELIVERED_AT, name)
        deliveries.append(delivery)
        loads[delivery.load_id] = list(records)
    land_orders(warehouse, folder / FILES["orders"])
    warehouse.dbt("build")
    return warehouse, deliveries, loads


def orders_of(file: Path) -> list[dict[str, Any]]:
    """The orders of a file, numbers as they are written."""
    orders: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
    return orders


def land_orders(warehouse: Warehouse, file: Path) -> None:
    """The sample orders as split, Spark and landing leave them in the raw tables."""
    contract, orders = load_contracts()["orders"], orders_of(file)
    records = [{"_row_number": number, **order} for number, order in enumerate(orders, start=1)]
    tables = flat_tables(contract, records)
    rows = [dict(zip(contract.column_names, row[:-2], strict=True)) for row in tables["orders"]]
    load_id = warehouse.land("orders", rows, DELIVERED_AT, file.name).load_id
    warehouse.land_arrays(contract, load_id, tables)


def test_dbt_build_gives_marts_that_equal_an_independent_count(
    sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]],
) -> None:
    warehouse, deliveries, loads = sample
    assert_marts_equal_reference(warehouse, reference_states(deliveries, loads))


def test_every_record_that_landed_is_accounted_for(
    sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]],
) -> None:
    warehouse, _, loads = sample
    found = warehouse.query("select sum(loaded), sum(unaccounted) from marts.row_accounting")
    assert found == [(sum(map(len, loads.values())) + 400, 0)]
    assert warehouse.query("select count(*), sum(abs(unaccounted)) from marts.array_accounting") == [(2, 0)]


def money(text: str | None) -> Decimal | None:
    """An amount as staging believes it."""
    value = Decimal(text) if text else None
    return value if value is not None and value >= 0 else None


def test_orders_hold_what_their_lines_and_payments_come_to(
    sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]], tmp_path: Path
) -> None:
    warehouse, _, _ = sample
    make_samples(tmp_path, seed=11, records=400)
    expected = {}
    for order in orders_of(tmp_path / FILES["orders"]):
        known = [
            (int(line["quantity"]), money(line["unit_price"])) for line in order["lines"] if int(line["quantity"]) > 0
        ]
        amounts = [quantity * price for quantity, price in known if price is not None]
        paid = [amount for payment in order["payments"] or [] if (amount := money(payment["amount"])) is not None]
        expected[int(order["order_id"])] = (
            len(order["lines"]),
            sum(quantity for quantity, _ in known) if known else None,
            sum(amounts) if amounts else None,
            len(order["lines"]) - len(amounts),
            len(order["payments"] or []),
            sum(paid) if paid else None,
        )
    columns = "line_count, quantity, amount, lines_without_amount, payment_count, paid_amount"
    assert {row[0]: row[1:] for row in warehouse.query(f"select order_id, {columns} from marts.fct_orders")} == expected
    lines = (
        "select count(*), sum(amount), sum(case when is_unknown_product then 1 else 0 end) from marts.fct_order_lines"
    )
    assert warehouse.query(lines) == [
        (sum(one[0] for one in expected.values()), sum(one[2] or 0 for one in expected.values()), 0)
    ]


def test_building_again_changes_no_row(sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]]) -> None:
    warehouse, _, _ = sample
    before = warehouse.query("select * from marts.unified_sales order by transaction_id")
    warehouse.dbt("run")
    assert warehouse.query("select * from marts.unified_sales order by transaction_id") == before


def test_the_ten_questions_of_the_documentation_are_answered(
    sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]],
) -> None:
    warehouse, deliveries, loads = sample
    text = (PROJECT / "docs/questions.md").read_text(encoding="utf-8")
    answers = [warehouse.query(sql) for sql in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)]
    assert len(answers) == 10
    # One delivery of the catalogue: no price has changed yet.
    assert [len(answer) > 0 for answer in answers] == [number != 5 for number in range(1, 11)]
    rows = unified(reference_states(deliveries, loads)).values()
    amount = sum(row["amount"] for row in rows if row["amount"] is not None)
    assert sum(row[3] for row in answers[0] if row[3] is not None) == amount
    undated = sum(row["amount"] is not None and row["transaction_date"] is None for row in rows)
    assert answers[3][0][1] >= undated > 0, "what has no day could not be converted"
    assert answers[7][0][0] == sum(row["has_sale"] and row["has_transaction"] for row in rows)


def test_each_of_the_three_date_formats_of_sales_is_counted(
    sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]],
) -> None:
    warehouse, deliveries, loads = sample
    sql = warehouse.dbt("--quiet", "compile", "--inline", "{{ dates_by_format() }}")
    found = {row[2]: row[3:] for row in warehouse.query(sql) if row[0] == "sales"}
    [load_id] = [delivery.load_id for delivery in deliveries if delivery.feed == "sales"]
    texts = [(record["transaction_date"] or "").strip() for record in loads[load_id]]
    shapes = {"YYYY-MM-DD": r"....-..-..", "DD/MM/YYYY": r"../../....", "MM-DD-YYYY": r"..-..-...."}
    assert {name: counts[0] for name, counts in found.items()} == {
        name: sum(re.fullmatch(shape, text) is not None for text in texts) for name, shape in shapes.items()
    }
    assert all(written > 20 and written == read + refused for written, read, refused in found.values())


def test_analysts_read_the_marts_and_nothing_else(
    sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]],
) -> None:
    warehouse, _, _ = sample
    with warehouse.connect() as connection:
        connection.execute("set role analyst")
        assert connection.execute("select count(*) > 0 from marts.sales_in_currency").fetchone() == (True,)
        for forbidden in ("select 1 from raw.sales", "select 1 from staging.stg_sales", "delete from marts.fct_sales"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


def test_a_database_in_which_nothing_has_landed_builds_empty_marts(
    make_warehouse: Callable[[str], Warehouse],
) -> None:
    warehouse = make_warehouse("dbt_empty")
    warehouse.dbt("build", "--exclude-resource-type", "unit_test")
    assert warehouse.query("select count(*) from marts.unified_sales") == [(0,)]
    assert warehouse.query("select count(*) from marts.sales_in_currency") == [(0,)]
