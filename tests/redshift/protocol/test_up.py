"""The commands a person types, with Redshift beside PostgreSQL."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.ports import free_port
from localcloud.settings import PROJECT


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a local cloud of its own; it is stopped at the end."""
    ports = {f"XTAGE_{part}_PORT": str(free_port()) for part in ("POSTGRES", "AWS", "REDSHIFT")}
    made = {**os.environ, **ports, "XTAGE_HOME": str(tmp_path_factory.mktemp("xtage"))}
    made.pop("SSL_CERT_FILE", None)
    yield made
    xtage(made, "down")


def xtage(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("xtage")), *arguments]
    return subprocess.run(
        command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False, timeout=300
    )


def test_up_starts_the_harness_status_tells_it_and_down_stops_it(environment: dict[str, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environment["XTAGE_REDSHIFT_PORT"])))
        other.listen()
        refused = xtage(environment, "up", "--warehouse", "both")
    assert refused.returncode == 1
    assert "set XTAGE_REDSHIFT_PORT to a free port" in refused.stderr
    up = xtage(environment, "up", "--warehouse", "both")
    assert up.returncode == 0, up.stderr
    status = json.loads(xtage(environment, "status", "--format", "json").stdout)
    assert status["running"] == {"postgres": True, "aws": True, "redshift": True}
    assert f"redshift://xtage:xtage@127.0.0.1:{environment['XTAGE_REDSHIFT_PORT']}/redshift" in up.stdout
    assert status["redshift_dsn"] in up.stdout
    query = "select count(*) as loads from ops.loads"
    asked = xtage(environment, "sql", "--target", "redshift", "--format", "json", query)
    assert json.loads(asked.stdout) == [{"loads": 0}], asked.stderr
    down = xtage(environment, "down")
    assert "Redshift harness stopped" in down.stdout
    stopped = json.loads(xtage(environment, "status", "--format", "json").stdout)
    assert not any(stopped["running"].values())
    assert stopped["redshift_dsn"] is None
    asked = xtage(environment, "sql", "--target", "redshift", query)
    assert asked.returncode == 1
    assert asked.stderr.endswith("start it with `xtage up --warehouse both`\n")
