"""Five dirty sample files: dbt's marts against a count that shares no code with the pipeline."""

import csv
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from samples import FILES, make_samples
from tests.dbt.comparison import assert_marts_equal_reference, reference_states
from tests.dbt.warehouse import Delivery, Record, Warehouse

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
    for feed, name in FILES.items():
        records = read_records(folder / name)
        delivery = warehouse.land(feed, records, DELIVERED_AT, name)
        deliveries.append(delivery)
        loads[delivery.load_id] = list(records)
    warehouse.dbt("build")
    return warehouse, deliveries, loads


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
    assert found == [(sum(map(len, loads.values())), 0)]


def test_building_again_changes_no_row(sample: tuple[Warehouse, list[Delivery], dict[int, list[Record]]]) -> None:
    warehouse, _, _ = sample
    before = warehouse.query("select * from marts.unified_sales order by transaction_id")
    warehouse.dbt("run")
    assert warehouse.query("select * from marts.unified_sales order by transaction_id") == before
