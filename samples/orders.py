"""The nested sample feed: orders with an object and two arrays in each, and what is wrong with them."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from samples.feeds import SALES_YEAR, Facts, Feed, Record, Value, quantity

METHODS = ("standard", "express", "pickup")
CITIES = ("Austin", "Fresno", "Miami", "Zürich")
PAYMENT_METHODS = ("card", "transfer", "voucher")
MOST_LINES = 4
MOST_PAYMENTS = 2


def orders(feed: Feed, _: Iterator[Facts]) -> Iterator[Record]:
    """Dirt in a value of an array is counted under the array's name: `lines.quantity`."""
    for number in range(1, feed.records + 1):
        customer_id = 1 + feed.below(feed.sizes["customers"])
        placed_at = "" if feed.chance(0.02, "placed_at", "missing") else _moment(feed)
        lines = [] if feed.chance(0.01, "lines", "empty") else [_line(feed) for _ in range(1 + feed.below(MOST_LINES))]
        payments = (
            None if feed.chance(0.02, "payments", "missing") else [_payment(feed) for _ in range(1 + feed.below(2))]
        )
        yield number, customer_id, placed_at, _shipping(feed), lines, payments


def _moment(feed: Feed) -> str:
    day: date = SALES_YEAR[feed.below(len(SALES_YEAR))]
    moment = datetime.combine(day, time()) + timedelta(seconds=feed.below(86_400))
    return f"{moment.isoformat()}Z"


def _shipping(feed: Feed) -> dict[str, Value]:
    method = METHODS[feed.below(len(METHODS))]
    city = None if method == "pickup" else CITIES[feed.below(len(CITIES))]
    return {"method": method, "city": city, "cost": feed.amount("shipping.cost", 0, 2_000)}


def _lines(feed: Feed) -> list[dict[str, Value]]:
    return [] if feed.chance(0.01, "lines", "empty") else [_line(feed) for _ in range(1 + feed.below(MOST_LINES))]


def _payments(feed: Feed) -> list[dict[str, Value]] | None:
    missing = feed.chance(0.02, "payments", "missing")
    return None if missing else [_payment(feed) for _ in range(1 + feed.below(MOST_PAYMENTS))]


def _line(feed: Feed) -> dict[str, Value]:
    return {
        "product_id": 1 + feed.below(feed.sizes["products"]),
        "quantity": 1 + feed.below(10) if feed.clean else quantity(feed, "lines.quantity"),
        "unit_price": None
        if feed.chance(0.03, "lines.unit_price", "missing")
        else feed.amount("lines.unit_price", -300, 20_000),
    }


def _payment(feed: Feed) -> dict[str, Value]:
    method = "" if feed.chance(0.02, "payments.method", "missing") else PAYMENT_METHODS[feed.below(3)]
    return {"method": method, "amount": feed.amount("payments.amount", -200, 40_000)}
