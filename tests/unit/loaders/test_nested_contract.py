"""What a contract may say about objects and arrays, and the tables that follow from it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from loaders.contract import CONTRACTS_DIRECTORY, Contract, Step, load_contracts
from loaders.errors import ContractError
from loaders.generate import MACRO, SCHEMAS, SOURCES, generated
from loaders.tables import raw_tables

PARCELS: dict[str, Any] = {
    "name": "parcels",
    "physicalName": "Parcel List",
    "logicalType": "array",
    "description": "One row per parcel.",
    "items": {
        "logicalType": "object",
        "properties": [
            {"name": "code", "logicalType": "string", "description": "Its code."},
            {
                "name": "size",
                "logicalType": "object",
                "properties": [{"name": "kg", "logicalType": "number", "description": "Its weight."}],
            },
            {
                "name": "stops",
                "logicalType": "array",
                "description": "One row per place it was seen at.",
                "items": {"logicalType": "string", "description": "The place."},
            },
        ],
    },
}


def contracts_with(directory: Path, *added: dict[str, Any], into: str | None = None) -> dict[str, Contract]:
    """The orders contract with properties added, to the record or to one of its objects."""
    document = yaml.safe_load((CONTRACTS_DIRECTORY / "orders.odcs.yaml").read_text())
    properties = document["schema"][0]["properties"]
    place = properties if into is None else next(one for one in properties if one["name"] == into)["properties"]
    place += added
    (directory / "orders.odcs.yaml").write_text(yaml.safe_dump(document))
    return dict(load_contracts(directory))


def test_the_values_of_an_object_are_columns_named_after_it() -> None:
    orders = load_contracts()["orders"]
    assert orders.column_names[-3:] == ("shipping_method", "shipping_city", "shipping_cost")
    assert orders.columns[-1].path == (Step("shipping", "shipping"), Step("cost", "cost"))
    assert orders.columns[0].path == (Step("order_id", "order_id"),)


def test_an_array_is_a_table_with_key_and_position_and_so_is_an_array_in_it(tmp_path: Path) -> None:
    orders = contracts_with(tmp_path, PARCELS, into="shipping")["orders"]
    tables = {table.name: [column.name for column in table.columns] for table in raw_tables(orders)}
    assert list(tables) == [
        "orders",
        "orders__shipping_parcels",
        "orders__shipping_parcels__stops",
        "orders__lines",
        "orders__payments",
    ]
    lineage = ["_load_id", "_row_number"]
    assert tables["orders__lines"] == [
        "order_id",
        "product_id",
        "quantity",
        "unit_price",
        *lineage,
        "_position",
        "_extra",
    ]
    assert tables["orders__shipping_parcels"] == ["order_id", "code", "size_kg", *lineage, "_position", "_extra"]
    assert tables["orders__shipping_parcels__stops"] == [
        *("order_id", "value", *lineage),
        *("_shipping_parcels_position", "_position"),
    ]
    assert orders.arrays[0].path == (Step("shipping", "shipping"), Step("parcels", "Parcel List"))


def test_tables_sources_and_rules_of_arrays_are_generated(tmp_path: Path) -> None:
    files = generated(contracts_with(tmp_path, PARCELS))
    assert 'create table if not exists "raw"."orders__parcels__stops"' in files[SCHEMAS["rds"]]
    assert 'create table if not exists "raw"."orders__parcels__stops"' in files[SCHEMAS["redshift"]]
    tables = yaml.safe_load(files[SOURCES])["sources"][0]["tables"]
    parcels = next(table for table in tables if table["name"] == "orders__parcels")
    assert "freshness" not in parcels["config"]
    assert [column["name"] for column in parcels["columns"] if "config" in column] == ["order_id", "code", "size_kg"]
    assert '"positions": ["_parcels_position", "_position"]' in files[MACRO]


def array(**changes: Any) -> dict[str, Any]:
    return {**PARCELS, **changes}


ITEMS = PARCELS["items"]
KEY = {"name": "order_id", "logicalType": "integer", "description": "x"}


@pytest.mark.parametrize(
    ("added", "message"),
    [
        pytest.param(array(items=None), "orders__parcels.items is missing", id="no-items"),
        pytest.param(array(items={"logicalType": "object"}), "items.properties is missing", id="no-members"),
        pytest.param(array(items={"logicalType": "array"}), "give the elements an object", id="array-of-arrays"),
        pytest.param(array(description=None), "orders__parcels.description is missing", id="description"),
        pytest.param(array(physicalName="Lines"), "in the file 'lines' is given twice", id="twice"),
        pytest.param(array(name="p" * 60), "has more than 63 characters", id="long"),
        pytest.param(
            array(items={**ITEMS, "properties": [{**KEY, "primaryKey": True}]}), "cannot stand in an array", id="key"
        ),
        pytest.param(array(items={**ITEMS, "properties": [KEY]}), "'order_id' is given twice", id="shadowed-key"),
        pytest.param(
            {"name": "placed", "logicalType": "object", "properties": [{**KEY, "name": "at"}]},
            "column name 'placed_at' is given twice",
            id="flattened-twice",
        ),
        pytest.param(
            array(items={"logicalType": "object", "properties": [array(items={**ITEMS, "properties": [PARCELS]})]}),
            "column name of orders__parcels__parcels__parcels '_parcels_position' is given twice",
            id="three-of-a-name",
        ),
    ],
)
def test_a_wrong_array_or_object_is_refused_with_its_place(tmp_path: Path, added: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=r"^orders\.odcs\.yaml: ") as refused:
        contracts_with(tmp_path, added)
    assert message in str(refused.value)


def test_two_feeds_cannot_have_one_table(tmp_path: Path) -> None:
    document = yaml.safe_load((CONTRACTS_DIRECTORY / "sales.odcs.yaml").read_text())
    document["schema"][0]["name"] = "orders__lines"
    (tmp_path / "orders__lines.odcs.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ContractError, match=r"table name 'orders__lines' is that of a table of orders(__lines)? too"):
        contracts_with(tmp_path)


def test_a_position_whose_column_postgresql_would_cut_short_is_refused(tmp_path: Path) -> None:
    document = yaml.safe_load((CONTRACTS_DIRECTORY / "orders.odcs.yaml").read_text())
    document["schema"][0]["name"] = "o"
    inner = {**ITEMS["properties"][-1], "name": "at"}
    document["schema"][0]["properties"].append(array(name="p" * 54, items={**ITEMS, "properties": [inner]}))
    (tmp_path / "o.odcs.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(ContractError, match=f"'_{'p' * 54}_position' has more than 63 characters"):
        load_contracts(tmp_path)


def test_the_key_may_stand_in_an_object(tmp_path: Path) -> None:
    document = yaml.safe_load((CONTRACTS_DIRECTORY / "orders.odcs.yaml").read_text())
    properties = document["schema"][0]["properties"]
    key = properties.pop(0)
    properties.append({"name": "header", "logicalType": "object", "properties": [key]})
    (tmp_path / "orders.odcs.yaml").write_text(yaml.safe_dump(document))
    orders = load_contracts(tmp_path)["orders"]
    assert orders.key == ("header_order_id",)
    assert [column.name for column in raw_tables(orders)[1].columns][:2] == ["header_order_id", "product_id"]
