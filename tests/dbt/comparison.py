"""Reads the marts from the database in the form the reference gives them, and compares."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tests.dbt import reference_marts
from tests.dbt.reference_marts import FeedState
from tests.dbt.warehouse import Delivery, Record, Warehouse

FEEDS = ("sales", "transactions", "products", "customers", "exchange_rates")


def reference_states(
    deliveries: Sequence[Delivery],
    loads: Mapping[int, Sequence[Record]],
    on_rewrite: Mapping[str, str] | None = None,
) -> dict[str, FeedState]:
    return {
        feed: reference_marts.feed_state(
            feed, [one for one in deliveries if one.feed == feed], loads, (on_rewrite or {}).get(feed, "add")
        )
        for feed in FEEDS
    }


def assert_marts_equal_reference(warehouse: Warehouse, states: Mapping[str, FeedState]) -> None:
    """Every mart, row for row."""
    rows = reference_marts.unified(states)
    assert_unified(warehouse, rows)
    assert_issues(warehouse, states)
    assert_accounting(warehouse, states)
    assert_history(warehouse, "customers", "customer_id", ("customer_name", "age", "gender", "location"), states)
    assert_history(warehouse, "products", "product_id", ("product_name", "category", "price"), states)
    assert_converted(warehouse, states, rows)
    assert_daily(warehouse, rows, "daily_sales", "category")
    assert_daily(warehouse, rows, "daily_sales_by_location", "location")
    assert_prices(warehouse, states)


def assert_unified(warehouse: Warehouse, expected: Mapping[int, Mapping[str, Any]]) -> None:
    columns = list(next(iter(expected.values())))
    found = warehouse.query(f"select transaction_id, {', '.join(columns)} from marts.unified_sales")
    actual = {row[0]: dict(zip(columns, row[1:], strict=True)) for row in found}
    assert len(found) == len(actual)
    assert_same(actual, dict(expected))


def assert_issues(warehouse: Warehouse, states: Mapping[str, FeedState]) -> None:
    found = warehouse.query(
        "select feed, load_id, row_number, column_name, raw_value, rule, severity from marts.data_issues"
        " where feed <> 'orders'"
    )
    assert_same(Counter(found), reference_marts.issues(states))


def assert_accounting(warehouse: Warehouse, states: Mapping[str, FeedState]) -> None:
    names = ("superseded", "keyless", "current", "closed", "replaced")
    found = warehouse.query(
        f"select load_id, {', '.join(names)}, unaccounted from marts.row_accounting where feed <> 'orders'"
    )
    expected = {
        load_id: (*(counts[name] for name in names), 0)
        for state in states.values()
        for load_id, counts in state.states.items()
    }
    assert_same({row[0]: row[1:] for row in found}, expected)


def assert_history(
    warehouse: Warehouse, feed: str, key: str, attributes: tuple[str, ...], states: Mapping[str, FeedState]
) -> None:
    columns = ", ".join("list_price" if name == "price" else name for name in attributes)
    expected = {
        (one.key, one.number): (
            *(one.values[name] for name in attributes),
            one.is_current,
            one.valid_from,
            one.valid_to,
        )
        for one in reference_marts.versions(states[feed])
    }
    found = warehouse.query(
        f"select {key}, version_number, {columns}, is_current, valid_from, valid_to from marts.dim_{feed}_history"
    )
    assert_same({row[:2]: row[2:] for row in found}, expected)
    last = {key: max(number for other, number in expected if other == key) for key, _ in expected}
    found = warehouse.query(f"select {key}, {columns}, is_current, valid_from, valid_to from marts.dim_{feed}")
    assert_same({row[0]: row[1:] for row in found}, {key: expected[key, number] for key, number in last.items()})


def assert_converted(
    warehouse: Warehouse, states: Mapping[str, FeedState], rows: Mapping[int, Mapping[str, Any]]
) -> None:
    found = warehouse.query(
        "select transaction_id, currency_code, amount, exchange_rate, rate_date from marts.sales_in_currency"
    )
    assert_same({row[:2]: row[2:] for row in found}, reference_marts.converted(states, rows))


def assert_daily(warehouse: Warehouse, rows: Mapping[int, Mapping[str, Any]], mart: str, group: str) -> None:
    expected: dict[tuple[Any, Any], list[Mapping[str, Any]]] = {}
    for row in rows.values():
        expected.setdefault((row["transaction_date"], row[group]), []).append(row)
    found = warehouse.query(
        f"select transaction_date, {group}, transactions, quantity, amount, transactions_without_amount"
        f" from marts.{mart}"
    )
    assert_same(
        {row[:2]: row[2:] for row in found},
        {
            members_of: (
                len(members),
                total([row["quantity"] for row in members]),
                total([row["amount"] for row in members]),
                sum(row["amount"] is None for row in members),
            )
            for members_of, members in expected.items()
        },
    )


def assert_prices(warehouse: Warehouse, states: Mapping[str, FeedState]) -> None:
    expected = {}
    told = sorted(reference_marts.versions(states["products"]), key=lambda one: (one.key, one.number))
    for key in {one.key for one in told}:
        mine = [one for one in told if one.key == key]
        priced = [one for one in mine if one.values["price"] is not None]
        changed = [
            (before.values["price"], after.valid_from)
            for before, after in pairwise(priced)
            if before.values["price"] != after.values["price"]
        ]
        current = mine[-1].values["price"]
        previous, changed_at = changed[-1] if changed else (None, None)
        if current is None:
            previous = priced[-1].values["price"] if priced else None
        expected[key] = (current, previous, changed_at)
    found = warehouse.query(
        "select product_id, current_price, previous_price, price_changed_at from marts.product_prices"
    )
    assert_same({row[0]: row[1:] for row in found}, expected)


def total(values: Sequence[Any]) -> Any:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def assert_same(actual: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    """Equal, or the first differences: whole tables in a message help nobody."""
    different = [key for key in actual.keys() | expected.keys() if actual.get(key) != expected.get(key)]
    shown = [(key, "found", actual.get(key), "expected", expected.get(key)) for key in different[:3]]
    assert not different, f"{len(different)} of {len(expected)} rows differ: {shown}"
