"""Random deliveries - late, repeated, rewritten, with keys that come and go - against the rules in plain Python."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from loaders.contract import load_contracts
from tests.dbt.comparison import FEEDS, assert_marts_equal_reference, reference_states
from tests.dbt.reference_marts import FeedState, issues
from tests.dbt.warehouse import Delivery, Record, Warehouse

START = datetime(2026, 1, 1)
DATES = ("2026-01-05", "05/01/2026", "01-05-2026", "", "2026-02-30", "2027-01-01")
NUMBERS = ("1", "2", "7.0", "0", "-1", "500", "", "x", "1e1", "2.00005", "-0.00001", "2000000000")


def random_record(feed: str, dice: random.Random) -> dict[str, str | None]:
    """A record with a key out of few, so that keys repeat, and values that are often wrong."""
    key, day = dice.choice(["1", "2", "3", "4", "5", "", "k"]), dice.choice(DATES)
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


def random_deliveries(
    warehouse: Warehouse, dice: random.Random
) -> Iterator[tuple[Delivery, list[dict[str, str | None]]]]:
    """Lands forty files: any feed, a few object keys, times that repeat and run backwards, contents that return."""
    versions: dict[tuple[str, str], int] = {}
    contents: dict[str, list[list[dict[str, str | None]]]] = {feed: [] for feed in FEEDS}
    for feed in [*FEEDS, *dice.choices(FEEDS, k=35)]:
        if contents[feed] and dice.random() < 0.3:
            records = dice.choice(contents[feed])
        else:
            records = [random_record(feed, dice) for _ in range(dice.randint(1, 8))]
        contents[feed].append(records)
        object_key = dice.choice(["a.csv", "B.csv", "ä.csv"])
        version = versions[feed, object_key] = versions.get((feed, object_key), -1) + 1
        delivered_at = START + timedelta(days=dice.randint(0, 12))
        yield warehouse.land(feed, records, delivered_at, f"raw/{feed}/{object_key}", version), records


@pytest.mark.parametrize(("seed", "on_rewrite"), [(1, "add"), (2, "replace"), (3, "replace")], ids=str)
def test_any_set_of_deliveries_gives_the_marts_that_the_delivery_rules_say(
    seed: int, on_rewrite: str, make_warehouse: Callable[[str], Warehouse], project_that_replaces: Path
) -> None:
    warehouse = make_warehouse(f"dbt_deliveries_{seed}")
    if on_rewrite == "replace":
        warehouse = replace(warehouse, project=project_that_replaces)
    deliveries: list[Delivery] = []
    loads: dict[int, list[Record]] = {}
    for delivery, records in random_deliveries(warehouse, random.Random(seed)):
        deliveries.append(delivery)
        loads[delivery.load_id] = list(records)
    warehouse.dbt("run")
    rewrites = dict.fromkeys(("sales", "products"), on_rewrite)
    states = reference_states(deliveries, loads, rewrites)
    assert_marts_equal_reference(warehouse, states)
    assert_too_much_dirt_warns(warehouse, states)


def assert_too_much_dirt_warns(warehouse: Warehouse, states: Mapping[str, FeedState]) -> None:
    """Dirt above the thresholds of the contracts is a warning with counts, and the build goes on."""
    name = "issues_stay_within_the_thresholds_of_the_contracts"
    finished = warehouse.dbt("test", "--select", name)
    assert "WARN=1 ERROR=0" in finished.stdout
    found = warehouse.query(f"select feed, column_name, kind, issues, records from test_failures.{name}")
    assert {row[:3]: row[3:] for row in found} == dict(beyond_thresholds(states))


def beyond_thresholds(states: Mapping[str, FeedState]) -> Iterator[tuple[tuple[str, str, str], tuple[int, int]]]:
    kinds: Counter[tuple[str, str, str]] = Counter()
    for (feed, _, _, column, _, rule, _), count in issues(states).items():
        kinds[feed, column, "missing" if rule == "missing" else "invalid"] += count
    for (feed, column, kind), count in kinds.items():
        records = len(states[feed].current) + len(states[feed].idle)
        tolerated = next(one.tolerated for one in load_contracts()[feed].columns if one.name == column)
        if count / records * 100 > float(getattr(tolerated, kind)):
            yield (feed, column, kind), (count, records)
