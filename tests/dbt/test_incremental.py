"""Runs that build only what changed give the tables that building everything gives, whatever happens in between."""

import os
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from dbt.cli.main import dbtRunner

from tests.dbt.histories import History, tables
from tests.dbt.warehouse import DBT, Warehouse

Build = Callable[..., None]

# Small tables change as a whole all the time: they would always be built whole.
ALWAYS_INCREMENTAL = "{incremental_up_to: 1000}"
SOAK = bool(os.environ.get("XTAGE_SOAK"))
HISTORIES = [(seed, ("add", "replace")[seed % 2]) for seed in range(1, 41 if SOAK else 3)]
BUILT_ALONE = ("int_sales", "fct_sales", "int_products", "unified_sales", "data_issues", "+dim_products", "int_issues+")
STEPS = 15 if SOAK else 5


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Callable[[Warehouse], Build]:
    """Runs dbt in this process, which reads the project once."""

    def for_warehouse(warehouse: Warehouse) -> Build:
        monkeypatch.chdir(warehouse.project)
        for name, value in (warehouse.dbt_environment | {"DO_NOT_TRACK": "1"}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("XTAGE_SCHEMA_PREFIX", raising=False)
        parsed = dbtRunner().invoke(["--quiet", "parse", "--target", "rds", "--vars", ALWAYS_INCREMENTAL])
        runner = dbtRunner(manifest=parsed.result)

        def run(*arguments: str) -> None:
            command = ["--quiet", "run", "--target", "rds", "--vars", ALWAYS_INCREMENTAL, *arguments]
            finished = runner.invoke(command)
            assert finished.success, finished.exception or finished.result

        return run

    return for_warehouse


@pytest.mark.soak
@pytest.mark.timeout(3600 if SOAK else 300)
@pytest.mark.parametrize(("seed", "on_rewrite"), HISTORIES, ids=str)
def test_incremental_runs_equal_a_full_refresh_row_for_row(
    seed: int,
    on_rewrite: str,
    make_warehouse: Callable[[str], Warehouse],
    project_that_replaces: Path,
    build: Callable[[Warehouse], Build],
) -> None:
    """After each step of a random history the marts are what the delivery rules say, and at its end all tables are
    those of a full refresh. Some steps are built in part first: one model, or until the process is killed."""
    warehouse = make_warehouse(f"dbt_incremental_{seed}")
    if on_rewrite == "replace":
        warehouse = replace(warehouse, project=project_that_replaces)
    history = History(warehouse, random.Random(seed), on_rewrite)
    run = build(warehouse)
    for feed in ("sales", "transactions", "products", "customers", "exchange_rates"):
        history.deliver(feed)
    run()
    for _ in range(STEPS):
        history.step()
        if history.dice.random() < 0.3:
            run(
                "--select",
                history.dice.choice(("int_sales", "fct_sales", "int_products", "unified_sales", "data_issues")),
            )
            history.step()
        if SOAK and history.dice.random() < 0.3:
            run_until_killed(warehouse, history.dice.uniform(3, 8))
            history.step()
        run()
        history.assert_marts_are_right()
    found = tables(warehouse)
    run("--full-refresh")
    built = tables(warehouse)
    assert found.keys() == built.keys()
    assert [name for name in found if found[name] != built[name]] == []


def run_until_killed(warehouse: Warehouse, seconds: float) -> None:
    command = [str(DBT), "--quiet", "run", "--target", "rds", "--vars", ALWAYS_INCREMENTAL]
    environment = {**os.environ, **warehouse.dbt_environment}
    with subprocess.Popen(command, cwd=warehouse.project, env=environment) as process:
        time.sleep(seconds)
        process.kill()
