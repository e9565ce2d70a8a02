"""The marts computed in plain Python from deliveries and records: what dbt's tables are compared with, row for row."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from tests.dbt.reference_values import BASE_CURRENCY, KEYS, Problem, standardize
from tests.dbt.warehouse import Delivery, Record

FULL_FEEDS = ("products", "customers")
MONEY = Decimal("0.0001")


@dataclass(frozen=True)
class Row:
    """One live record: where it is, what it holds, what is wrong with it."""

    load_id: int
    row_number: int
    key: tuple[Any, ...] | None
    values: dict[str, Any]
    problems: list[Problem]


@dataclass
class FeedState:
    """What the deliveries of one feed come to."""

    deliveries: list[Delivery]
    rows: dict[int, list[Row]]
    withdrawn: set[int]
    current: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    idle: list[Row] = field(default_factory=list)
    states: dict[int, Counter[str]] = field(default_factory=dict)


def feed_state(
    feed: str, deliveries: Sequence[Delivery], loads: Mapping[int, Sequence[Record]], on_rewrite: str = "add"
) -> FeedState:
    """Applies the delivery rules to the deliveries of one feed."""
    live = in_order(without_rewritten(deliveries) if on_rewrite == "replace" else deliveries)
    rows: dict[int, list[Row]] = {}
    for delivery in live:
        if delivery.load_id not in rows:
            rows[delivery.load_id] = read_rows(feed, delivery, loads[delivery.load_id])
    state = FeedState(live, rows, {delivery.load_id for delivery in deliveries} - rows.keys())
    if feed in FULL_FEEDS:
        settle_full(state)
    else:
        settle_delta(state, feed)
    for load_id in state.withdrawn:
        state.states[load_id] = Counter(superseded=len(loads[load_id]))
    return state


def in_order(deliveries: Sequence[Delivery]) -> list[Delivery]:
    return sorted(
        deliveries, key=lambda one: (one.delivered_at, one.object_key.encode(), one.version_order, one.delivery_id)
    )


def without_rewritten(deliveries: Sequence[Delivery]) -> list[Delivery]:
    newest: dict[str, Delivery] = {}
    for delivery in sorted(deliveries, key=lambda one: (one.version_order, one.delivery_id)):
        newest[delivery.object_key] = delivery
    return list(newest.values())


def read_rows(feed: str, delivery: Delivery, records: Sequence[Record]) -> list[Row]:
    rows = []
    for number, record in enumerate(records, start=1):
        values, problems = standardize(feed, record, delivery.delivered_at.date())
        if feed == "sales" and None not in (values["quantity"], values["price"]) and sale_amount(values) is None:
            problems.append(Problem("price", record["price"], "amount_too_large", "warning"))
        key = tuple(values[column] for column in KEYS[feed])
        rows.append(Row(delivery.load_id, number, None if None in key else key, values, problems))
    return rows


def competes(feed: str, row: Row) -> bool:
    return feed != "exchange_rates" or (
        row.values["exchange_rate"] is not None and row.values["currency_code"] != BASE_CURRENCY
    )


def settle_delta(state: FeedState, feed: str) -> None:
    for rows in state.rows.values():
        for row in rows:
            if row.key is not None and competes(feed, row):
                state.current[row.key] = row
                state.idle = [one for one in state.idle if one.key != row.key]
            elif row.key is not None:
                state.idle.append(row)
    for load_id, rows in state.rows.items():
        state.states[load_id] = Counter(
            "keyless" if row.key is None else "current" if state.current.get(row.key) is row else "replaced"
            for row in rows
        )


def settle_full(state: FeedState) -> None:
    newest = state.rows[state.deliveries[-1].load_id] if state.deliveries else []
    state.current = {row.key: row for row in newest if row.key is not None}
    for load_id, rows in state.rows.items():
        state.states[load_id] = Counter(
            "keyless"
            if row.key is None
            else "closed"
            if row.key not in state.current
            else "current"
            if state.current[row.key] is row
            else "replaced"
            for row in rows
        )


@dataclass(frozen=True)
class Version:
    key: Any
    number: int
    values: dict[str, Any]
    is_current: bool
    valid_from: datetime
    valid_to: datetime | None


def versions(state: FeedState) -> list[Version]:
    """The history of a full feed: for each key its runs of equal consecutive deliveries."""
    contents = [
        {row.key: row.values for row in state.rows[delivery.load_id] if row.key is not None}
        for delivery in state.deliveries
    ]
    found: list[Version] = []
    for key in {key for content in contents for key in content}:
        told = [content.get(key) for content in contents] + [None]
        number, start = 0, 0
        for position in range(len(told)):
            if position + 1 < len(told) and told[position] == told[start]:
                continue
            values = told[start]
            if values is not None:
                number += 1
                ended = position < len(contents)
                found.append(
                    Version(
                        key[0],
                        number,
                        values,
                        not ended,
                        state.deliveries[start].delivered_at,
                        state.deliveries[position].delivered_at if ended else None,
                    )
                )
            start = position
    return found


def rounded(value: Decimal) -> Decimal | None:
    with localcontext() as context:
        context.prec = 100
        money = value.quantize(MONEY, ROUND_HALF_UP)
    return money if abs(money) < 10**14 else None


def sale_amount(sale: Mapping[str, Any]) -> Decimal | None:
    if sale["quantity"] is None or sale["price"] is None:
        return None
    return rounded(sale["quantity"] * sale["price"])


def first_of(*candidates: tuple[str, Any]) -> tuple[Any, str | None]:
    return next(((value, source) for source, value in candidates if value is not None), (None, None))


def differ(left: Any, right: Any) -> bool:
    return left is not None and right is not None and left != right


NOTHING: Mapping[str, Any] = dict.fromkeys(
    ("product_id", "customer_id", "quantity", "price", "total_amount", "transaction_date")
)


def unified(states: Mapping[str, FeedState]) -> dict[int, dict[str, Any]]:
    """marts.unified_sales by transaction id, the columns that a figure can be wrong in."""
    products = {version.key: version.values for version in last_versions(states["products"])}
    customers = {version.key: version.values for version in last_versions(states["customers"])}
    sales, transactions = states["sales"].current, states["transactions"].current
    rows = {}
    for (transaction_id,) in sales.keys() | transactions.keys():
        sale, paid = sales.get((transaction_id,)), transactions.get((transaction_id,))
        s, t = (sale.values if sale else NOTHING), (paid.values if paid else NOTHING)
        on_date, date_source = first_of(("transactions", t["transaction_date"]), ("sales", s["transaction_date"]))
        quantity, quantity_source = first_of(("transactions", t["quantity"]), ("sales", s["quantity"]))
        amount, amount_source = first_of(("transactions", t["total_amount"]), ("sales", sale_amount(s)))
        product_id, customer_id = first_of(("", t["product_id"]), ("", s["product_id"]))[0], t["customer_id"]
        rows[transaction_id] = {
            "transaction_date": on_date,
            "quantity": quantity,
            "amount": amount,
            "date_source": date_source,
            "quantity_source": quantity_source,
            "amount_source": amount_source,
            "product_id": product_id,
            "category": products.get(product_id, {}).get("category"),
            "list_price": products.get(product_id, {}).get("price"),
            "customer_id": customer_id,
            "location": customers.get(customer_id, {}).get("location"),
            "has_sale": sale is not None,
            "has_transaction": paid is not None,
            "is_product_mismatch": differ(s["product_id"], t["product_id"]),
            "is_quantity_mismatch": differ(s["quantity"], t["quantity"]),
            "is_date_mismatch": differ(s["transaction_date"], t["transaction_date"]),
            "is_unknown_product": product_id is not None and product_id not in products,
            "is_unknown_customer": customer_id is not None and customer_id not in customers,
            "issue_count": sum(len(row.problems) for row in (sale, paid) if row),
            "is_complete": None not in (on_date, quantity, amount)
            and product_id in products
            and customer_id in customers,
            "sale_row_number": sale.row_number if sale else None,
            "transaction_row_number": paid.row_number if paid else None,
        }
    return rows


def last_versions(state: FeedState) -> list[Version]:
    last: dict[Any, Version] = {}
    for version in sorted(versions(state), key=lambda one: one.number):
        last[version.key] = version
    return list(last.values())


def issues(states: Mapping[str, FeedState]) -> Counter[tuple[Any, ...]]:
    """marts.data_issues as (feed, load id, row number, column, raw value, rule, severity)."""
    return Counter(
        (feed, row.load_id, row.row_number, problem.column, problem.raw, problem.rule, problem.severity)
        for feed, state in states.items()
        for row in [*state.current.values(), *state.idle]
        for problem in row.problems
    )


def converted(
    states: Mapping[str, FeedState], rows: Mapping[int, Mapping[str, Any]]
) -> dict[tuple[int, str], tuple[Decimal | None, Decimal | None, date | None]]:
    """marts.sales_in_currency: (transaction id, currency) -> amount, rate, rate's date."""
    rates: dict[str, dict[date, Decimal]] = {}
    for (currency, day), quote in states["exchange_rates"].current.items():
        rates.setdefault(currency, {})[day] = quote.values["exchange_rate"]
    found = {}
    for transaction_id, row in rows.items():
        if row["amount"] is None or row["transaction_date"] is None:
            continue
        for currency, by_day in rates.items():
            days = [day for day in by_day if day <= row["transaction_date"]]
            last = max(days, default=None)
            factor = by_day[last] if last else None
            amount = rounded(row["amount"] * factor) if factor is not None else None
            found[transaction_id, currency] = (amount, factor, last)
    return found
