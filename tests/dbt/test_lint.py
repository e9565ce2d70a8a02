"""sqlfluff finds nothing; that the project is in Redshift's dialect is told by test_redshift_gate."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from localcloud.settings import PROJECT
from tests.dbt.warehouse import Warehouse

SQLFLUFF = Path(sys.executable).with_name("sqlfluff")


def test_the_models_are_clean(make_warehouse: Callable[[str], Warehouse], tmp_path: Path) -> None:
    warehouse = make_warehouse("lint")
    # The dbt templater looks up which tables exist: it wants a connection, and writes a target directory.
    environment = {
        **os.environ,
        "XTAGE_POSTGRES_PORT": str(warehouse.port),
        "XTAGE_POSTGRES_PASSWORD": warehouse.password,
        "DBT_TARGET_PATH": str(tmp_path),
        "DBT_LOG_PATH": str(tmp_path),
    }
    command = [str(SQLFLUFF), "lint", "dbt_project/models", "dbt_project/tests"]
    finished = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-2000:]
