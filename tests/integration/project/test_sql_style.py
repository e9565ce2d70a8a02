"""The dbt templater compiles every model, for which it needs a database to speak to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.postgres import Postgres
from localcloud.settings import PROJECT


@pytest.mark.timeout(600)
def test_models_and_tests_are_written_in_the_style_of_the_project(postgres: Postgres, tmp_path: Path) -> None:
    # Directories of its own: a dbt that somebody runs meanwhile must not meet this one's files.
    dbt_directories = {"DBT_TARGET_PATH": str(tmp_path / "target"), "DBT_LOG_PATH": str(tmp_path / "logs")}
    linted = subprocess.run(
        [Path(sys.executable).with_name("sqlfluff"), "lint", "--nocolor", "dbt_project"],
        cwd=PROJECT,
        env=os.environ | postgres.settings.as_environment() | dbt_directories,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
