"""Fixtures for every test that needs a server: each session gets its own, on free ports, in a directory of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling

from localcloud.aws import Aws
from localcloud.ports import free_port
from localcloud.postgres import USER, Postgres
from localcloud.redshift.launcher import Redshift
from localcloud.settings import PROJECT, Settings

API = "tests/end_to_end/api/"

# No example fails for the time it takes: a busy machine decides that.
hypothesis.settings.register_profile("xtage", deadline=None)
hypothesis.settings.load_profile("xtage")


class Together(LoadFileScheduling):  # type: ignore[misc]
    """The tests of a file run in one worker, one after the other; those of the API too, for they share a cloud."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return API if file.startswith(API) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Together:
    """What `--numprocesses` distributes tests by."""
    return Together(config, log)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a local cloud that nothing else uses."""
    return make_settings(tmp_path_factory.mktemp("xtage"))


def make_settings(home: Path) -> Settings:
    """Settings of a local cloud in `home`, on ports that are free now."""
    return Settings(
        home=home,
        postgres_port=free_port(),
        postgres_password="a test's pass:word",
        aws_port=free_port(),
        project=PROJECT,
        redshift_port=free_port(),
    )


@pytest.fixture(scope="session")
def postgres(settings: Settings) -> Iterator[Postgres]:
    """A running PostgreSQL with an empty database `xtage`; `postgres.dsn` and `postgres.connect()` lead to it."""
    server = Postgres(settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def make_database(postgres: Postgres, name: str) -> str:
    """Makes a database in which the local user stays the superuser, and returns its name.

    A deployment to the same server lets that user act as RDS's master user, who has no rights there.
    """
    connection = postgres.connect()
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("set role none")
    cursor.execute(f"create database {name}")
    cursor.execute(f"alter role {USER} in database {name} set role to none")
    connection.close()
    return name


@pytest.fixture(scope="session")
def aws(settings: Settings, postgres: Postgres) -> Iterator[Aws]:
    """A running embedded AWS, beside the PostgreSQL that its RDS instances answer with;
    `aws.client()` leads to it."""
    server = Aws(settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def redshift_harness(settings: Settings, aws: Aws) -> Iterator[Redshift]:
    """A running Redshift harness, on the PostgreSQL and beside the AWS of the session; `redshift.dsn` leads to it."""
    server = Redshift(settings)
    server.start()
    try:
        yield server
    finally:
        server.stop()
