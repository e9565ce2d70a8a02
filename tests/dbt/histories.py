"""Random histories of deliveries, landed in a warehouse bit by bit: late, repeated, rewritten, landed again."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.dbt.comparison import FEEDS, assert_marts_equal_reference, reference_states
from tests.dbt.warehouse import Delivery, Record, Warehouse

START = datetime(2026, 1, 1)
DATES = ("2026-01-05", "05/01/2026", "01-05-2026", "", "2026-02-30", "2027-01-01")
NUMBERS = ("1", "2", "7.0", "0", "-1", "500", "", "x", "1e1", "2.00005", "-0.00001", "2000000000")
OBJECT_KEYS = ("a.csv", "B.csv", "ä.csv")


def random_record(feed: str, dice: random.Random) -> dict[str, str | None]:
    """A record with a key out of few, so that keys repeat, and values that are often wrong."""
    key, day = dice.choice(["1", "2", "3", "4", "5", "6", "7", "8", "", "k"]), dice.choice(DATES)
    number, price = dice.choices(NUMBERS, k=2)
    records: dict[str, dict[str, str | None]] = {
        "sales": {
            "transaction_id": key,
            "product_id": dice.choice(NUMBERS),
            "quantity": number,
            "price": price,
            "transaction_date": day,
        },
        "transactions": {
            "transaction_id": key,
            "customer_id": dice.choice(NUMBERS),
            "product_id": dice.choice(NUMBERS),
            "quantity": number,
            "transaction_date": day,
            "total_amount": price,
        },
        "products": {
            "product_id": key,
            "product_name": dice.choice(["Lamp", "Löffel", None]),
            "category": dice.choice(["Home", "n/a"]),
            "price": price,
            "stock_available": "3",
        },
        "customers": {
            "customer_id": key,
            "customer_name": dice.choice(["Ada", "Bob"]),
            "age": dice.choice(["17", "18", "300", None]),
            "gender": dice.choice(["Male", "F"]),
            "location": "Texas",
            "date_joined": "2020-01-01",
        },
        "exchange_rates": {
            "currency_code": dice.choice(["EUR", "eur ", "USD", "GBP", ""]),
            "date": dice.choice(["2026-01-01", "2026-01-05", "2026-01-06", ""]),
            "exchange_rate": dice.choice(NUMBERS),
        },
    }
    return records[feed]


@dataclass
class History:
    """What has landed in a warehouse so far.

    `on_rewrite` is what the contracts of sales and products say of a rewritten object.
    """

    warehouse: Warehouse
    dice: random.Random
    on_rewrite: str = "add"
    deliveries: list[Delivery] = field(default_factory=list)
    loads: dict[int, list[Record]] = field(default_factory=dict)
    _versions: Counter[tuple[str, str]] = field(default_factory=Counter)
    _contents: dict[str, list[list[dict[str, str | None]]]] = field(default_factory=dict)

    def deliver(self, feed: str) -> None:
        """Lands a file: an object key out of few, a time that may lie before others, a content that may be known."""
        known = self._contents.setdefault(feed, [])
        records = self.dice.choice(known) if known and self.dice.random() < 0.3 else self._records(feed)
        known.append(records)
        object_key = self.dice.choice(OBJECT_KEYS)
        version = self._versions[feed, object_key]
        self._versions[feed, object_key] += 1
        delivered_at = START + timedelta(days=self.dice.randint(0, 12))
        delivery = self.warehouse.land(feed, records, delivered_at, f"raw/{feed}/{object_key}", version)
        self.deliveries.append(delivery)
        # A content that was landed again stays what that made of it.
        self.loads.setdefault(delivery.load_id, list(records))

    def land_again(self) -> None:
        """Lands a load again with other records."""
        delivery = self.dice.choice(self.deliveries)
        records = self._records(delivery.feed)
        self.warehouse.land_again(delivery.load_id, delivery.feed, records)
        self.loads[delivery.load_id] = list(records)

    def step(self) -> None:
        """One to four things happen."""
        for _ in range(self.dice.randint(1, 4)):
            if self.dice.random() < 0.15:
                self.land_again()
            else:
                self.deliver(self.dice.choice(FEEDS))

    def assert_marts_are_right(self) -> None:
        """The marts, row for row, are what the delivery rules in plain Python make of what has landed."""
        rewrites = dict.fromkeys(("sales", "products"), self.on_rewrite)
        assert_marts_equal_reference(self.warehouse, reference_states(self.deliveries, self.loads, rewrites))

    def _records(self, feed: str) -> list[dict[str, str | None]]:
        return [random_record(feed, self.dice) for _ in range(self.dice.randint(1, 8))]


def tables(warehouse: Warehouse) -> Mapping[str, Counter[tuple[Any, ...]]]:
    """Every row of every table in intermediate and marts."""
    names = warehouse.query(
        "select table_schema || '.' || table_name from information_schema.tables"
        " where table_schema in ('intermediate', 'marts')"
    )
    return {name: Counter(warehouse.query(f"select * from {name}")) for (name,) in names}
