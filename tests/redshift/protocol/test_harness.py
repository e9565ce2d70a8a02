"""The harness as a part of the local cloud: starting, stopping, what it writes down, what is told of it."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from localcloud.errors import LocalCloudError
from localcloud.ports import free_port
from localcloud.postgres import Postgres
from localcloud.redshift.launcher import Redshift, redshift_port_file, server_lock
from localcloud.settings import Settings
from tests.redshift.endpoint import Endpoint, harness_endpoint, log_of, real_endpoint
from tests.redshift.protocol.queries import refusal, rows
from xtage.cli import exit_code

pytestmark = pytest.mark.skipif(real_endpoint() is not None, reason="this is about the harness")


@pytest.fixture
def own_settings(settings: Settings, postgres: Postgres, tmp_path: Path) -> Settings:
    """Settings of a second harness, on the PostgreSQL of the session."""
    # The data directory tells which server is ours.
    (tmp_path / "postgres").symlink_to(postgres.data)
    return replace(settings, home=tmp_path, redshift_port=free_port())


@pytest.fixture
def own_harness(own_settings: Settings) -> Iterator[Redshift]:
    made = Redshift(own_settings)
    made.start()
    yield made
    made.stop()


def test_the_log_says_what_was_changed_and_holds_no_value_of_a_record(harness: Endpoint, schema: str) -> None:
    assert harness.harness is not None
    connection = harness.connect()
    rows(connection, f"create table {schema}.logged (id bigint, name varchar(20)) distkey (id)")
    rows(connection, f"insert into {schema}.logged values (48151623, 'Ada Lovelace')")
    rows(connection, f"select listagg(name, ', ') from {schema}.logged where name = 'Grace Hopper' and id = 42108642")
    refusal(connection, "select string_agg('Alan Turing', ',')")
    connection.close()
    log = log_of(harness.harness)
    made = next(line for line in log.splitlines() if f"create table {schema}.logged" in line)
    assert "distkey (id) -> nothing" in made
    assert "listagg -> string_agg" in log
    assert "[refused: unsupported_function]" in log
    for value in ("Lovelace", "Hopper", "Turing", "48151623", "42108642"):
        assert value not in log


def test_a_harness_that_runs_with_another_port_is_told(own_harness: Redshift, own_settings: Settings) -> None:
    own_harness.require_same_settings()
    other = Redshift(replace(own_settings, redshift_port=free_port()))
    with pytest.raises(LocalCloudError, match=f"another XTAGE_REDSHIFT_PORT {own_settings.redshift_port}, not"):
        other.require_same_settings()


def test_a_harness_does_not_start_where_what_is_deployed_does_not_look_for_it(own_settings: Settings) -> None:
    file = redshift_port_file(own_settings)
    file.parent.mkdir(parents=True)
    file.write_text("54391")
    with pytest.raises(LocalCloudError, match="expects Redshift on port 54391, not") as raised:
        Redshift(own_settings).start()
    assert "set XTAGE_REDSHIFT_PORT to 54391" in str(raised.value)


def test_the_harness_listens_on_this_machine_only(harness: Endpoint) -> None:
    assert harness.harness is not None
    server = psutil.Process(int(server_lock(harness.harness.settings).read_text()))
    listening = [one.laddr.ip for one in server.net_connections() if one.status == psutil.CONN_LISTEN]
    assert listening == ["127.0.0.1"]


def test_a_taken_port_is_named_with_the_variable_that_changes_it(own_settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", own_settings.redshift_port))
        other.listen()
        with pytest.raises(LocalCloudError, match=r"cannot use port \d+.*XTAGE_REDSHIFT_PORT"):
            Redshift(own_settings).start()


def test_without_postgresql_it_does_not_start(own_settings: Settings) -> None:
    (own_settings.home / "postgres").unlink()
    with pytest.raises(LocalCloudError, match="needs PostgreSQL; start it with `xtage up`"):
        Redshift(own_settings).start()


def test_a_killed_harness_starts_again_on_the_same_tables(own_harness: Redshift) -> None:
    endpoint = harness_endpoint(own_harness, "http://127.0.0.1:1")
    first = endpoint.connect()
    rows(first, "create table if not exists kept_over_a_crash (id int)")
    first.commit()
    os.kill(int(server_lock(own_harness.settings).read_text()), signal.SIGKILL)
    while own_harness.is_running():
        pass
    again = Redshift(own_harness.settings)
    again.start()
    second = endpoint.connect()
    assert rows(second, "select count(*) from kept_over_a_crash") == [[0]]
    rows(second, "drop table kept_over_a_crash")
    second.commit()
    with pytest.raises(LocalCloudError, match="already running"):
        again.start()
    again.stop()
    again.stop()
    assert not again.is_running()


def test_s3_that_does_not_answer_fails_the_copy_and_not_the_session(own_harness: Redshift) -> None:
    # No AWS runs for these settings.
    nowhere = replace(own_harness.settings, aws_port=free_port())
    own_harness.stop()
    harness = Redshift(nowhere)
    harness.start()
    connection = harness_endpoint(harness, "").connect()
    rows(connection, "create temporary table t (a int)")
    told = refusal(connection, "copy t from 's3://bucket/key' iam_role default format as parquet")["M"]
    assert "S3 cannot be reached" in told
    connection.rollback()
    assert rows(connection, "select 1") == [[1]]
    connection.close()
    harness.stop()


def test_status_tells_where_the_harness_answers(
    harness: Endpoint, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert harness.harness is not None
    for name, value in harness.harness.settings.as_environment().items():
        monkeypatch.setenv(name, value)
    assert exit_code(["status", "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["running"]["redshift"]
    assert told["redshift_dsn"] == harness.harness.dsn
    assert told["redshift_dsn"].endswith(f"@127.0.0.1:{harness.port}/redshift")
    assert Path(told["redshift_ca"]).read_text().startswith("-----BEGIN CERTIFICATE-----")
