"""A nested feed in Redshift: its records and the elements of its arrays arrive together."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loaders import handler
from loaders.contract import load_contracts
from tests.integration.loaders.conftest import run_job  # noqa: F401 - fixture
from tests.redshift.conftest import Warehouses

ORDERS = b"""[
    {"order_id": 1, "lines": [{"product_id": 1, "quantity": 2}, {"product_id": 2, "new": "x"}], "payments": []},
    {"order_id": 2, "lines": null, "payments": [{"method": "card", "amount": 1.10}], "shipping": {"cost": 1e400}},
    {"order_id": 3, "lines": 7}
]"""


def test_the_elements_of_arrays_arrive_with_their_records_and_go_with_them_in_a_replay(
    warehouses: Warehouses,
    run_job: Callable[..., dict[str, Any]],  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivery = warehouses.deliver("orders.json", ORDERS)
    made = warehouses.call("split", {"delivery_id": delivery, "run_id": None})
    run_job("json_to_tabular", location=made["location"])
    landed = warehouses.call("land", {"delivery_id": delivery, "run_id": None, "prefix": made["prefix"]})
    assert (landed["records_loaded"], landed["records_rejected"]) == (2, 1)
    assert warehouses.copy() == {"outcome": "done", "loads": 1, "deliveries": 1}
    assert warehouses.differences() == []
    counts = 'select (select count(*) from "raw".orders__lines), (select count(*) from "raw".orders__payments)'
    assert warehouses.in_redshift(counts) == [(2, 1)]
    assert warehouses.copy() == {"outcome": "done", "loads": 0, "deliveries": 0}

    # Replayed with a contract that has lost an array.
    contracts = dict(load_contracts())
    lines, _ = contracts["orders"].arrays
    contracts["orders"] = replace(contracts["orders"], arrays=(lines,))
    monkeypatch.setattr(handler, "load_contracts", lambda: contracts)
    assert warehouses.call("replay", {"load_id": landed["load_id"]})["status"] == "pending"
    assert warehouses.copy()["loads"] == 0, "it has not landed yet"
    made = warehouses.call("split", {"delivery_id": delivery, "run_id": None})
    run_job("json_to_tabular", location=made["location"])
    assert warehouses.call("land", {"delivery_id": delivery, "run_id": None, "prefix": made["prefix"]}) == landed
    assert warehouses.copy() == {"outcome": "done", "loads": 1, "deliveries": 1}
    assert warehouses.differences() == []
    assert warehouses.in_redshift(counts) == [(2, 0)]
