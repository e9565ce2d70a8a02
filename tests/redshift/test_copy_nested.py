"""A nested feed in Redshift: its records and the elements of its arrays arrive together, and go together."""

from dataclasses import replace

import pytest

from loaders import handler
from loaders.contract import load_contracts
from tests.redshift.conftest import Warehouses

ORDERS = b"""[
    {"order_id": 1, "lines": [{"product_id": 1, "quantity": 2}, {"product_id": 2, "new": "x"}], "payments": []},
    {"order_id": 2, "lines": null, "payments": [{"method": "card", "amount": 1.10}], "shipping": {"cost": 1e400}},
    {"order_id": 3, "lines": 7}
]"""


def test_the_elements_of_arrays_arrive_with_their_records_and_go_with_them_in_a_replay(
    warehouses: Warehouses, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = warehouses.deliver("orders.json", ORDERS)
    [landed] = warehouses.land_nested(delivery)
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
    assert warehouses.land_nested(delivery) == [landed]
    assert warehouses.copy() == {"outcome": "done", "loads": 1, "deliveries": 1}
    assert warehouses.differences() == []
    assert warehouses.in_redshift(counts) == [(2, 0)]
