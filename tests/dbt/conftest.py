"""Each test module gets a database of its own on the session's PostgreSQL."""

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.postgres import USER, Postgres
from tests.dbt.warehouse import Warehouse


@pytest.fixture(scope="session")
def make_warehouse(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Warehouse]:
    """Makes a database of this name with empty raw and ops tables."""

    def make(name: str) -> Warehouse:
        settings = postgres.settings
        work: Path = tmp_path_factory.mktemp(name)
        server = Warehouse("127.0.0.1", settings.postgres_port, USER, settings.postgres_password, "postgres", work)
        server.query(f"create database {name}")
        warehouse = Warehouse(server.host, server.port, server.user, server.password, name, work)
        warehouse.create_tables()
        return warehouse

    return make
