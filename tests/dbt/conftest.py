"""Each test module gets a database of its own on the session's PostgreSQL."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.postgres import USER, Postgres
from localcloud.settings import PROJECT
from tests.conftest import make_database
from tests.dbt.warehouse import Warehouse


@pytest.fixture(scope="session")
def make_warehouse(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Warehouse]:
    """Makes a database of this name with empty raw and ops tables."""

    def make(name: str) -> Warehouse:
        settings = postgres.settings
        work: Path = tmp_path_factory.mktemp(name)
        database = make_database(postgres, name)
        warehouse = Warehouse("127.0.0.1", settings.postgres_port, USER, settings.postgres_password, database, work)
        warehouse.create_tables()
        return warehouse

    return make


@pytest.fixture(scope="session")
def project_that_replaces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the dbt project in which the contracts of sales and products say that a rewrite replaces."""
    copy = copy_of_project(tmp_path_factory.mktemp("project"))
    macro = copy / "dbt_project/macros/contracts.sql"
    text = macro.read_text(encoding="utf-8")
    for feed in ("sales", "products"):
        text = re.sub(rf'("{feed}": \{{.*?"on_rewrite": )"add"', r'\1"replace"', text, count=1, flags=re.DOTALL)
    macro.write_text(text, encoding="utf-8")
    return copy


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the dbt project, to be changed."""
    return copy_of_project(tmp_path)


def copy_of_project(directory: Path) -> Path:
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / name, directory / name)
    shutil.copytree(PROJECT / "dbt_project", directory / "dbt_project")
    return directory
