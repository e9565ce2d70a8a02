"""Runs that build only what changed give the tables that building everything gives, whatever happens in between."""

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner

from tests.dbt.comparison import FEEDS
from tests.dbt.histories import History, tables
from tests.dbt.warehouse import DBT, QUICKLY, Warehouse

# Small tables change as a whole all the time: they would always be built whole.
ALWAYS_INCREMENTAL = "{incremental_up_to: 1000}"
SOAK = bool(os.environ.get("XTAGE_SOAK"))
HISTORIES = [(seed, ("add", "replace")[seed % 2]) for seed in range(1, 41 if SOAK else 3)]
BUILT_ALONE = ("int_sales", "fct_sales", "int_products", "unified_sales", "data_issues", "+dim_products", "int_issues+")
STEPS = 15 if SOAK else 5


def builder(warehouse: Warehouse) -> Callable[..., None]:
    """`dbt run` with these arguments, which reads the project once."""
    with warehouse.surroundings():
        parsed = dbtRunner().invoke(["--quiet", "parse", "--target", "rds", "--vars", ALWAYS_INCREMENTAL])
    runner = dbtRunner(manifest=parsed.result)

    def run(*arguments: str) -> None:
        with warehouse.surroundings():
            options = ["--target", "rds", "--vars", ALWAYS_INCREMENTAL]
            finished = runner.invoke(["--quiet", *QUICKLY, "run", *options, *arguments])
        assert finished.success, finished.exception or finished.result

    return run


@pytest.mark.soak
@pytest.mark.timeout(3600 if SOAK else 300)
@pytest.mark.parametrize(("seed", "on_rewrite"), HISTORIES, ids=str)
def test_incremental_runs_equal_a_full_refresh_row_for_row(
    seed: int,
    on_rewrite: str,
    make_warehouse: Callable[[str], Warehouse],
    project_that_replaces: Path,
) -> None:
    """After each step of a random history the marts are what the delivery rules say, and at its end all tables are
    those of a full refresh. Before some steps there are builds of one model, that are killed, or two at once."""
    warehouse = make_warehouse(f"dbt_incremental_{seed}")
    if on_rewrite == "replace":
        warehouse = replace(warehouse, project=project_that_replaces)
    history = History(warehouse, random.Random(seed), on_rewrite)
    run = builder(warehouse)
    for feed in FEEDS:
        history.deliver(feed)
    run()
    for _ in range(STEPS):
        history.step()
        if history.dice.random() < 0.3:
            run("--select", history.dice.choice(BUILT_ALONE))
            history.step()
        if SOAK and history.dice.random() < 0.5:
            disturb(history)
            history.step()
        run()
        history.assert_marts_are_right()
    found = tables(warehouse)
    run("--full-refresh")
    built = tables(warehouse)
    assert found.keys() == built.keys()
    assert [name for name in found if found[name] != built[name]] == []


def disturb(history: History) -> None:
    """A run that is killed, or two runs at once, which take turns."""
    warehouse = history.warehouse
    command = [str(DBT), "--quiet", "run", "--target", "rds", "--vars", ALWAYS_INCREMENTAL]
    processes = [
        subprocess.Popen(command, cwd=warehouse.project, env=environment_of(warehouse, number))
        for number in range(history.dice.choice((1, 2)))
    ]
    if len(processes) == 1:
        time.sleep(history.dice.uniform(4, 12))
        processes[0].kill()
    codes = [process.wait() for process in processes]
    assert codes in ([0, 0], [0], [-signal.SIGKILL]), codes


def environment_of(warehouse: Warehouse, number: int) -> dict[str, str]:
    return {**os.environ, **warehouse.dbt_environment, "DBT_TARGET_PATH": str(warehouse.work / f"target{number}")}


def test_only_what_changed_is_built_again(make_warehouse: Callable[[str], Warehouse], project: Path) -> None:
    """Nothing when nothing landed; what a changed contract touches; a changed model and its readers."""
    warehouse = replace(make_warehouse("dbt_definitions"), project=project)
    history = History(warehouse, random.Random(7))
    for feed in FEEDS:
        history.deliver(feed)
    warehouse.dbt("run")
    assert built_again(warehouse.dbt("run")) == set()
    change(project / "dbt_project/macros/contracts.sql", '"value": "120"', '"value": "17"')
    assert built_again(warehouse.dbt("run")) == {
        "int_customers",
        "int_issues",
        "dim_customers_history",
        "dim_customers",
        "unified_sales",
        "int_daily_sales",
        "int_record_states",
        "data_issues",
    }
    assert warehouse.query("select max(age) from marts.dim_customers") <= [(17,)]
    change(
        project / "dbt_project/models/marts/fct_sales.sql",
        "transaction_date,",
        "transaction_date + 1 as transaction_date,",
    )
    assert built_again(warehouse.dbt("run")) == {"fct_sales", "unified_sales", "int_daily_sales"}


def built_again(output: str) -> set[str]:
    """The incremental models of a run that were not left as they were."""
    built = re.findall(r"OK created sql incremental model \w+\.(\w+) \.* \[(\w+)", output)
    assert built
    return {name for name, status in built if status != "UNCHANGED"}


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
