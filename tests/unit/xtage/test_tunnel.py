"""A tunnel, as far as it goes without an AWS account: what Session Manager and its plugin are asked, what they give."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from localcloud.ports import free_port
from localcloud.settings import PROJECT
from xtage import cli, tunnel
from xtage.errors import OperatorError
from xtage.profiles import read_target
from xtage.stages import Stage

HOST = "xtage.abc.eu-west-1.rds.amazonaws.com"
SECRET = {
    "dbname": "xtage",
    "username": "xtage_admin",
    "password": "p w",
    "engine": "postgres",
}
OUTPUTS = {
    "TunnelInstanceId": "i-0123456789abcdef0",
    "DatabaseEndpoint": HOST,
    "DatabasePort": "5432",
    "DatabaseSecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:a",
}
SESSION = {
    "SessionId": "someone-1",
    "TokenValue": "the token",
    "StreamUrl": "wss://ssmmessages.eu-west-1.amazonaws.com/a",
}

# Writes down what it was called with, then listens where it was told to, as the plugin does.
PLUGIN = f"""#!{sys.executable}
import json, os, socket, sys
from pathlib import Path
Path(sys.argv[0]).with_name("called").write_text(json.dumps([sys.argv[1:], os.environ[sys.argv[1]]]))
port = int(json.loads(sys.argv[5])["Parameters"]["localPortNumber"][0])
server = socket.create_server(("127.0.0.1", port))
while True:
    server.accept()[0].close()
"""


class Deployed(Stage):
    """A deployed stage whose AWS is asked for what the test expects and nothing else."""

    def expecting(self, **answers: tuple[str, dict[str, Any], dict[str, Any]]) -> None:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
        self.__dict__["clients"] = {name: boto3.client(name, **keys) for name in ("ssm", "secretsmanager")}
        self.__dict__["stubs"] = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def client(self, service: Any) -> Any:
        return self.clients[service]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    # What a test of the local stage may have left.
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    made = Deployed("dev", boto3.Session("a", "b", region_name="eu-west-1"), OUTPUTS)
    made.expecting()
    return made


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    path = tmp_path / tunnel.PLUGIN
    path.write_text(PLUGIN)
    path.chmod(0o755)
    return str(path)


def tell_secret(stage: Deployed) -> None:
    answer = {"SecretString": json.dumps(SECRET)}
    stage.stubs["secretsmanager"].add_response("get_secret_value", answer, {"SecretId": OUTPUTS["DatabaseSecretArn"]})


def test_a_tunnel_is_asked_for_opened_and_ended(stage: Deployed, plugin: str) -> None:
    route, port = tunnel.route_to(stage, "rds"), free_port()
    asked = {
        "Target": OUTPUTS["TunnelInstanceId"],
        "DocumentName": "AWS-StartPortForwardingSessionToRemoteHost",
        "Parameters": {"host": [HOST], "portNumber": ["5432"], "localPortNumber": [str(port)]},
    }
    stage.stubs["ssm"].add_response("start_session", SESSION, asked)
    stage.stubs["ssm"].add_response("terminate_session", {}, {"SessionId": "someone-1"})
    with tunnel.opened(stage, route, port, plugin) as process:
        assert process.poll() is None
    assert process.poll() is not None
    stage.stubs["ssm"].assert_no_pending_responses()
    arguments, session = json.loads(Path(plugin).with_name("called").read_text())
    assert arguments[1:5] == ["eu-west-1", "StartSession", "", json.dumps(asked)]
    assert arguments[5] == "https://ssm.eu-west-1.amazonaws.com"
    assert json.loads(session) == SESSION
    assert not any("the token" in argument for argument in arguments)


def test_a_plugin_that_ends_is_told_and_the_session_ended(stage: Deployed, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\nexit 3\n")
    broken.chmod(0o755)
    route = tunnel.route_to(stage, "rds")
    stage.stubs["ssm"].add_response("start_session", SESSION)
    stage.stubs["ssm"].add_response("terminate_session", {}, {"SessionId": "someone-1"})
    with pytest.raises(OperatorError, match="session-manager-plugin ended"):
        tunnel.opened(stage, route, free_port(), str(broken)).__enter__()
    stage.stubs["ssm"].assert_no_pending_responses()


def test_dbts_target_leads_through_the_tunnel_with_the_certificates_name_unchanged(
    stage: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell_secret(stage)
    route = tunnel.route_to(stage, "rds")
    given = tunnel.environment(stage, route, 15432)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    target = read_target(PROJECT, "rds")
    assert (target["host"], target["port"], target["sslmode"]) == (HOST, 15432, "verify-full")
    assert (target["user"], target["password"], target["dbname"]) == ("xtage_admin", "p w", "xtage")
    assert os.environ["PGHOSTADDR"] == "127.0.0.1"


def test_redshifts_target_leads_through_the_tunnel(stage: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    tell_secret(stage)
    route = tunnel.Route("redshift", "i-1", "warehouse", 5439, OUTPUTS["DatabaseSecretArn"])
    for name, value in tunnel.environment(stage, route, 15439).items():
        monkeypatch.setenv(name, value)
    target = read_target(PROJECT, "redshift")
    assert (target["host"], target["port"], target["sslmode"]) == ("127.0.0.1", 15439, "verify-ca")


@pytest.mark.parametrize(
    ("outputs", "target", "told"),
    [
        pytest.param({}, "rds", "stage dev has no tunnel host", id="no host"),
        pytest.param(OUTPUTS, "redshift", "stage dev has no redshift", id="no redshift"),
    ],
)
def test_what_a_stage_does_not_have_is_told_with_the_parameter_that_brings_it(
    outputs: dict[str, str], target: str, told: str
) -> None:
    with pytest.raises(OperatorError, match=f"{told}; .*parameter"):
        tunnel.route_to(Stage("dev", boto3.Session("a", "b", region_name="eu-west-1"), outputs), target)


def test_a_missing_plugin_is_told_before_aws_is_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert cli.exit_code(["tunnel", "--stage", "dev"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("xtage: there is no session-manager-plugin on this machine; install it: https://docs.aws")


def test_a_command_that_is_not_there_is_told_before_aws_is_asked(
    plugin: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(Path(plugin).parent))
    assert cli.exit_code(["tunnel", "--stage", "dev", "--", "dtb", "run"]) == 1
    assert capsys.readouterr().err.startswith("xtage: there is no command dtb; no tunnel was opened")


def test_the_local_stage_needs_no_tunnel(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["tunnel", "--stage", "local"]) == 1
    assert "on this machine already" in capsys.readouterr().err


def test_a_command_runs_with_the_database_in_its_environment_and_its_exit_code_is_told(
    stage: Deployed, plugin: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", f"{Path(plugin).parent}:{os.environ['PATH']}")
    monkeypatch.setattr(tunnel, "find_stage", lambda name: stage)
    tell_secret(stage)
    stage.stubs["ssm"].add_response("start_session", SESSION)
    stage.stubs["ssm"].add_response("terminate_session", {}, {"SessionId": "someone-1"})
    script = "import os, sys; sys.exit(7 if os.environ['RDS_PASSWORD'] == 'p w' else 1)"
    assert cli.exit_code(["tunnel", "--stage", "dev", "--", sys.executable, "-c", script]) == 7
    assert "p w" not in "".join(capfd.readouterr())
