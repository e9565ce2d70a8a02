"""sqlfluff finds nothing, in the dialects of both databases."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.settings import PROJECT
from tests.dbt.warehouse import Warehouse

SQLFLUFF = Path(sys.executable).with_name("sqlfluff")


@pytest.mark.parametrize("dialect", ["postgres", "redshift"])
def test_the_models_are_clean(dialect: str, make_warehouse: Callable[[str], Warehouse], tmp_path: Path) -> None:
    warehouse = make_warehouse(f"lint_{dialect}")
    # The dbt templater looks up which tables exist: it wants a connection, and writes a target directory.
    environment = {
        **os.environ,
        "XTAGE_POSTGRES_PORT": str(warehouse.port),
        "XTAGE_POSTGRES_PASSWORD": warehouse.password,
        "DBT_TARGET_PATH": str(tmp_path),
        "DBT_LOG_PATH": str(tmp_path),
    }
    command = [str(SQLFLUFF), "lint", "--dialect", dialect, "dbt_project/models", "dbt_project/tests"]
    finished = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
