"""What applying the tables promises."""

import dataclasses
import threading

import pytest

from loaders import handler
from loaders.contract import Column, load_contracts
from loaders.errors import TransientError
from loaders.migrate import migrate
from tests.integration.loaders.conftest import SALES, Pipeline


def test_an_empty_database_gets_every_table_and_the_second_time_nothing(pipeline: Pipeline) -> None:
    pipeline.query("drop schema raw, ops cascade")
    applied = pipeline.call("migrate", {})["applied"]

    assert {"schema raw", "schema ops", "table raw.sales", "table ops.deliveries"} <= set(applied)
    assert pipeline.call("migrate", {}) == {"applied": []}


def test_a_column_new_in_a_contract_is_added_and_what_landed_stays(pipeline: Pipeline) -> None:
    pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,5\n"))
    contracts = dict(load_contracts())
    discount = Column("discount", "Discount", "number", "numeric(18,4)", "Taken off the price.")
    contracts["sales"] = dataclasses.replace(contracts["sales"], columns=(*contracts["sales"].columns, discount))

    connection = pipeline.connect()
    assert migrate(connection, contracts) == ["column raw.sales.discount"]
    assert migrate(connection, contracts) == []
    connection.close()
    assert pipeline.query("select transaction_id, discount from raw.sales") == [("1", None)]


def cool_down() -> None:
    """The next call finds a new worker."""
    handler._connection().close()
    handler._Worker.connection = None


def test_new_code_waits_for_its_tables_and_old_code_goes_on_with_newer_ones(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = load_contracts()
    discount = Column("discount", "Discount", "number", "numeric(18,4)", "Taken off the price.")
    new = {**old, "sales": dataclasses.replace(old["sales"], columns=(*old["sales"].columns, discount))}
    monkeypatch.setattr(handler, "load_contracts", lambda: new)
    with pytest.raises(TransientError, match="the tables are not yet what this code expects"):
        pipeline.open()
    assert pipeline.call("migrate", {}) == {"applied": ["column raw.sales.discount"]}
    assert pipeline.open()["outcome"] == "opened"

    cool_down()
    monkeypatch.setattr(handler, "load_contracts", lambda: old)
    assert pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"1,2,3,4,5\n"))["records_loaded"] == 1
    pipeline.query("drop schema ops cascade")
    cool_down()
    with pytest.raises(TransientError, match="-> nothing to do while a deployment is under way; else deploy again"):
        pipeline.open()


def test_a_column_that_left_its_contract_is_kept(pipeline: Pipeline) -> None:
    contracts = dict(load_contracts())
    contracts["sales"] = dataclasses.replace(contracts["sales"], columns=contracts["sales"].columns[:1])
    connection = pipeline.connect()
    assert migrate(connection, contracts) == []
    connection.close()
    assert pipeline.query("select price from raw.sales") == []


def test_names_of_columns_may_be_words_of_sql(pipeline: Pipeline) -> None:
    contract = load_contracts()["sales"]
    columns = tuple(Column(name, name, "string", "text", "x") for name in ("select", "table", "order", "user"))
    connection = pipeline.connect()
    migrate(connection, {"group": dataclasses.replace(contract, feed="group", columns=columns, key=("select",))})
    connection.close()
    assert pipeline.query('select "select", "table", "order", "user" from raw."group"') == []


def test_two_at_once_apply_everything_once(pipeline: Pipeline) -> None:
    pipeline.query("drop schema raw, ops cascade")
    applied: list[list[str]] = []

    def apply() -> None:
        connection = pipeline.connect()
        applied.append(migrate(connection, load_contracts()))
        connection.close()

    threads = [threading.Thread(target=apply) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(one) > 0 for one in applied) == [False, False, True]


def test_records_of_a_load_are_found_by_an_index_that_costs_appends_nothing(pipeline: Pipeline) -> None:
    indexes = pipeline.query("select indexdef from pg_indexes where schemaname = 'raw' and tablename = 'sales'")
    assert [definition.split(" USING ")[1] for (definition,) in indexes] == ["brin (_load_id, _row_number)"]


def test_raw_tables_of_the_longest_names_have_an_index_each(pipeline: Pipeline) -> None:
    names = ("t" * 63, "t" * 62 + "u", "t" * 45)
    contracts = {name: dataclasses.replace(load_contracts()["sales"], feed=name) for name in names}
    connection = pipeline.connect()
    applied = migrate(connection, contracts)
    assert (len(applied), migrate(connection, contracts)) == (6, [])
    connection.close()
    indexed = pipeline.query("select tablename from pg_indexes where schemaname = 'raw' and tablename like 'ttt%'")
    assert sorted(table for (table,) in indexed) == sorted(names)
