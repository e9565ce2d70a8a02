"""Random deliveries - late, repeated, rewritten, with keys that come and go - against the rules in plain Python."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from loaders.contract import load_contracts
from tests.dbt.comparison import FEEDS, reference_states
from tests.dbt.histories import History
from tests.dbt.reference_marts import FeedState, issues
from tests.dbt.warehouse import Warehouse


@pytest.mark.parametrize(("seed", "on_rewrite"), [(1, "add"), (2, "replace"), (3, "replace")], ids=str)
def test_any_set_of_deliveries_gives_the_marts_that_the_delivery_rules_say(
    seed: int, on_rewrite: str, make_warehouse: Callable[[str], Warehouse], project_that_replaces: Path
) -> None:
    warehouse = make_warehouse(f"dbt_deliveries_{seed}")
    if on_rewrite == "replace":
        warehouse = replace(warehouse, project=project_that_replaces)
    history = History(warehouse, random.Random(seed), on_rewrite)
    for feed in [*FEEDS, *history.dice.choices(FEEDS, k=35)]:
        history.deliver(feed)
    warehouse.dbt("run")
    history.assert_marts_are_right()
    states = reference_states(history.deliveries, history.loads, dict.fromkeys(("sales", "products"), on_rewrite))
    assert_too_much_dirt_warns(warehouse, states)


def assert_too_much_dirt_warns(warehouse: Warehouse, states: Mapping[str, FeedState]) -> None:
    """Dirt above the thresholds of the contracts is a warning with counts, and the build goes on."""
    name = "issues_stay_within_the_thresholds_of_the_contracts"
    printed = warehouse.dbt("test", "--select", name)
    assert "WARN=1 ERROR=0" in printed
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
