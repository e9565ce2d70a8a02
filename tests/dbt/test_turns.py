"""People and the pipeline in one database: builds take turns, and who reads is neither in the way nor kept waiting."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from dbt.cli.main import dbtRunner, dbtRunnerResult

from tests.dbt.conftest import copy_of_project
from tests.dbt.histories import History
from tests.dbt.warehouse import QUICKLY, Warehouse

Dbt = Callable[..., str]


@pytest.fixture(scope="module")
def warehouse(make_warehouse: Callable[[str], Warehouse], tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A database with a few deliveries, and a project with one more table, which needs no other model."""
    project = copy_of_project(tmp_path_factory.mktemp("turns"))
    model = "{{ config(materialized='table', contract={'enforced': false}) }} select 1 as one"
    (project / "dbt_project/models/marts/small.sql").write_text(model, encoding="utf-8")
    warehouse = replace(make_warehouse("dbt_turns"), project=project)
    history = History(warehouse, random.Random(5))
    history.deliver("products")
    return warehouse


@pytest.fixture(scope="module")
def dbt(warehouse: Warehouse) -> Iterator[Dbt]:
    """`dbt run` with these arguments, and what it said; the project is read once, a table of each kind is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("USER", "ada")
        with warehouse.surroundings():
            parsed = dbtRunner().invoke(["--quiet", "parse", "--target", "rds"])

        def run(*arguments: str) -> str:
            said: list[str] = []
            listen = [lambda event: said.append(event.info.msg) if event.info.level != "debug" else None]
            runner = dbtRunner(manifest=parsed.result, callbacks=listen)
            with warehouse.surroundings():
                finished: dbtRunnerResult = runner.invoke([*QUICKLY, "run", "--target", "rds", *arguments])
            return "\n".join([*said, "succeeded" if finished.success else f"failed {finished.exception or ''}"])

        assert run("--select", "+dim_products", "stg_array_counts", "small").endswith("succeeded")
        yield run


@contextmanager
def session(warehouse: Warehouse, name: str) -> Iterator[psycopg.Connection[Any]]:
    """Somebody who is in the database, is called this, and has a transaction open."""
    with warehouse.connect() as connection:
        connection.execute("select set_config('application_name', %s, false)", (name,))
        connection.execute("begin")
        yield connection


def give_turn(warehouse: Warehouse, holder: str | None) -> None:
    """The turn is somebody's, or nobody's."""
    invocation = "00000000-0000-0000-0000-000000000000" if holder else None
    warehouse.query(
        "update builds.turn set holder = %s, invocation_id = %s, since = now() at time zone 'utc'", holder, invocation
    )


@contextmanager
def meanwhile(*steps: Callable[[], object]) -> Iterator[None]:
    """One step after the other, beside what is done within."""
    thread = threading.Thread(target=lambda: [step() for step in steps])
    thread.start()
    try:
        yield
    finally:
        thread.join()


def until(warehouse: Warehouse, condition: str) -> Callable[[], None]:
    """A step that waits until this is so in the database."""

    def wait() -> None:
        deadline = time.monotonic() + 30
        while not warehouse.query(f"select 1 where {condition}"):
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)

    return wait


def test_a_run_waits_for_whoever_builds_the_same_schemas_and_says_for_whom(warehouse: Warehouse, dbt: Dbt) -> None:
    waits = until(warehouse, "exists (select from pg_stat_activity where application_name = 'dbt of ada, waiting')")
    with session(warehouse, "dbt of the pipeline"):
        give_turn(warehouse, "dbt of the pipeline")
        # A table that comes while it waits, and one that goes, are none that it knows of.
        warehouse.query("drop view staging.stg_array_counts cascade; create table staging.stg_array_counts as select 1")
        with meanwhile(waits, lambda: give_turn(warehouse, None)):
            said = dbt("--select", "stg_array_counts")
    assert "Waiting for dbt of the pipeline, which has been building the same schemas since" in said
    assert said.endswith("succeeded")
    assert warehouse.query("select holder, invocation_id from builds.turn") == [(None, None)]


def test_the_turn_of_one_who_is_gone_is_the_next_ones(warehouse: Warehouse, dbt: Dbt) -> None:
    """Ctrl-C, a killed build, a laptop that sleeps: nobody gives the turn back, and no session is there."""
    give_turn(warehouse, "dbt of bob")
    begun = time.monotonic()
    assert dbt("--select", "stg_array_counts").endswith("succeeded")
    assert 9 < time.monotonic() - begun < 25


def test_waiting_ends_and_says_who_has_the_turn(warehouse: Warehouse, dbt: Dbt) -> None:
    with session(warehouse, "dbt of bob"):
        give_turn(warehouse, "dbt of bob")
        said = dbt("--select", "stg_array_counts", "--vars", "{wait_up_to: 2}")
        give_turn(warehouse, None)
    assert "waited long enough for dbt of bob, which has been building the same schemas since" in said
    assert "stg_array_counts" not in said, "no model was run"


def test_a_run_that_slept_until_its_turn_was_anothers_stops(warehouse: Warehouse, dbt: Dbt) -> None:
    runs = until(warehouse, "exists (select from builds.turn where holder = 'dbt of ada')")
    with session(warehouse, "psql") as reader:
        reader.execute("select * from staging.stg_deliveries limit 1")
        with meanwhile(runs, lambda: give_turn(warehouse, "dbt of bob"), lambda: reader.execute("commit")):
            said = dbt("--select", "stg_deliveries", "stg_loads", "--full-refresh")
    assert "its turn went to dbt of bob: start it again" in said
    assert warehouse.query("select holder from builds.turn") == [("dbt of bob",)], "it is not given back for another"
    give_turn(warehouse, None)


@pytest.mark.parametrize("model", ["small", "dim_products"], ids=["table", "incremental"])
def test_a_reader_is_waited_for_and_keeps_no_other_waiting(warehouse: Warehouse, dbt: Dbt, model: str) -> None:
    waited: list[float] = []

    def read() -> None:
        begun = time.monotonic()
        warehouse.query(f"select count(*) from marts.{model}")
        waited.append(time.monotonic() - begun)

    swaps = until(
        warehouse,
        "exists (select from pg_locks where not granted and mode = 'AccessExclusiveLock' "
        f"and relation = 'marts.{model}'::regclass)",
    )
    with session(warehouse, "DBeaver") as reader:
        [before] = reader.execute(f"select count(*) from marts.{model}").fetchall()
        with meanwhile(swaps, read, swaps, read, lambda: reader.execute("commit")):
            said = dbt("--select", model, "--full-refresh")
    assert "which is read by xtage with DBeaver (pid " in said
    assert said.endswith("succeeded")
    assert max(waited) < 2
    assert warehouse.query(f"select count(*) from marts.{model}") == [before]


def test_a_reader_who_does_not_end_fails_the_model_by_name(warehouse: Warehouse, dbt: Dbt) -> None:
    with session(warehouse, "DBeaver") as reader:
        reader.execute("select count(*) from marts.small")
        said = dbt("--select", "small", "--vars", "{wait_up_to: 2}")
    assert "waited long enough to replace marts.small, which is still read by xtage with DBeaver (pid " in said
    assert dbt("--select", "small").endswith("succeeded")


@pytest.mark.parametrize("model", ["small", "dim_products"], ids=["table", "incremental"])
def test_views_on_a_table_stay_when_it_is_replaced(warehouse: Warehouse, dbt: Dbt, model: str) -> None:
    warehouse.query(f"create view marts.of_ada as select * from marts.{model}")
    warehouse.query("grant select on marts.of_ada to analyst")
    before = warehouse.query("select count(*) from marts.of_ada")
    assert dbt("--select", model, "--full-refresh").endswith("succeeded")
    assert warehouse.query("select count(*) from marts.of_ada") == before
    assert warehouse.query("select has_table_privilege('analyst', 'marts.of_ada', 'select')") == [(True,)]
    warehouse.query("drop view marts.of_ada")


def test_views_on_a_view_stay_when_its_model_changes_and_an_unchanged_one_is_left_alone(
    warehouse: Warehouse, dbt: Dbt
) -> None:
    with session(warehouse, "DBeaver") as reader:
        reader.execute("select * from staging.stg_products limit 1")
        assert "UNCHANGED" in dbt("--select", "stg_products"), "its reader is in nobody's way"
    warehouse.query("update builds.stg_deliveries_built set definition = 'another'")
    assert dbt("--select", "stg_deliveries").endswith("succeeded")
    assert warehouse.query("select to_regclass('staging.stg_loads') is not null") == [(True,)]
