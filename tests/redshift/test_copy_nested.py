"""A nested feed in Redshift: its records and the elements of its arrays arrive together."""

from tests.redshift.conftest import Warehouses

ORDERS = b"""[
    {"order_id": 1, "lines": [{"product_id": 1, "quantity": 2}, {"product_id": 2, "new": "x"}], "payments": []},
    {"order_id": 2, "lines": null, "payments": [{"method": "card", "amount": 1.10}], "shipping": {"cost": 1e400}},
    {"order_id": 3, "lines": 7}
]"""


def test_the_elements_of_arrays_arrive_with_their_records(warehouses: Warehouses) -> None:
    [landed] = warehouses.land_nested(warehouses.deliver("orders.json", ORDERS))
    assert (landed["records_loaded"], landed["records_rejected"]) == (2, 1)
    assert warehouses.copy() == {"outcome": "done", "loads": 1, "deliveries": 1}
    assert warehouses.differences() == []
    counts = 'select (select count(*) from "raw".orders__lines), (select count(*) from "raw".orders__payments)'
    assert warehouses.in_redshift(counts) == [(2, 1)]
    assert warehouses.copy() == {"outcome": "done", "loads": 0, "deliveries": 0}
