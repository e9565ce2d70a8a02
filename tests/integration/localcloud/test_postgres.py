"""The embedded PostgreSQL starts from any state a person or a crash can leave."""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from localcloud import ports
from localcloud.errors import LocalCloudError
from localcloud.postgres import Postgres
from localcloud.settings import PROJECT, Settings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    port = ports.free_port()
    server = Postgres(Settings(tmp_path, port, "secret", aws_port=1, project=PROJECT))
    try:
        yield server
    finally:
        server.stop()


def processes_in(directory: Path) -> list[psutil.Process]:
    """Every process that works in the data directory, as each process of PostgreSQL does."""
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == str(directory)]


def postmaster(server: Postgres) -> int:
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        # Those of PostgreSQL come and go.
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def remember(server: Postgres) -> None:
    connection = server.connect()
    cursor = connection.cursor()
    cursor.execute("create table if not exists kept as select 42 as answer")
    connection.commit()
    connection.close()


def assert_remembered(server: Postgres) -> None:
    connection = server.connect()
    cursor = connection.cursor()
    cursor.execute("select answer from kept")
    assert cursor.fetchone() == [42]
    connection.close()


def test_data_is_kept_over_stop_and_start(server: Postgres) -> None:
    server.start()
    remember(server)
    server.stop()
    assert not server.is_running()
    server.start()
    assert_remembered(server)


def test_stop_leaves_no_process_behind(server: Postgres) -> None:
    server.start()
    server.stop()
    assert processes_in(server.data) == []


def test_stopping_what_does_not_run_changes_nothing(server: Postgres) -> None:
    server.stop()
    assert not server.data.exists()


def test_second_start_is_refused_and_leaves_the_first_running(server: Postgres) -> None:
    server.start()
    with pytest.raises(LocalCloudError, match=r"already running.*xtage down"):
        server.start()
    server.connect().close()


def test_taken_port_is_named_with_its_variable(server: Postgres) -> None:
    port = server.settings.postgres_port
    refused = pytest.raises(LocalCloudError, match=f"{port}.*XTAGE_POSTGRES_PORT")
    with socket.create_server((ports.HOST, port)), refused:
        server.start()
    server.start()


def test_starts_again_after_its_main_process_is_killed(server: Postgres) -> None:
    server.start()
    remember(server)
    kill([psutil.Process(postmaster(server))])
    server.start()
    assert_remembered(server)


def test_starts_again_after_every_process_is_killed(server: Postgres) -> None:
    server.start()
    remember(server)
    kill(processes_in(server.data))
    server.start()
    assert_remembered(server)


def test_starts_while_a_session_of_the_killed_server_still_lives(server: Postgres) -> None:
    server.start()
    remember(server)
    main = psutil.Process(postmaster(server))
    session = server.connect()
    children = main.children()
    for child in children:
        child.suspend()
    kill([main])
    assert not server.is_running()
    server.start()
    assert_remembered(server)
    assert not any(child.is_running() for child in children)
    session.close()


def test_starts_when_the_pid_file_names_somebody_elses_process(server: Postgres) -> None:
    server.start()
    remember(server)
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    assert not server.is_running()
    server.start()
    assert_remembered(server)


def test_killed_initialization_is_begun_anew(server: Postgres) -> None:
    draft = server.data.with_name("postgres.new")
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("16\n")
    server.start()
    server.connect().close()


def test_changed_password_is_told_with_its_variable(server: Postgres) -> None:
    server.start()
    server.stop()
    other = Postgres(replace(server.settings, postgres_password="another"))
    with pytest.raises(LocalCloudError, match="XTAGE_POSTGRES_PASSWORD"):
        other.start()


def test_connecting_to_nothing_says_what_to_start(server: Postgres) -> None:
    with pytest.raises(LocalCloudError, match="xtage up"):
        server.connect()


def test_listens_on_the_loopback_address_only(server: Postgres) -> None:
    server.start()
    listening = [c for c in psutil.Process(postmaster(server)).net_connections() if c.status == psutil.CONN_LISTEN]
    assert {c.laddr.ip for c in listening} == {ports.HOST}


def test_damaged_data_directory_is_reported_in_one_line(server: Postgres) -> None:
    server.start()
    server.stop()
    (server.data / "global" / "pg_control").unlink()
    with pytest.raises(LocalCloudError) as caught:
        server.start()
    assert "\n" not in str(caught.value)
    assert str(server.data) in str(caught.value)
