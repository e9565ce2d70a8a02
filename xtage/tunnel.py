"""`xtage tunnel`: a way from this machine to a private database of a deployed stage, through its tunnel host.

Session Manager forwards a port: nothing listens in the stage's network, and who may do it is said by IAM.
https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from localcloud.ports import HOST, free_port
from xtage.console import say
from xtage.errors import OperatorError
from xtage.stages import LOCAL, Stage, find_stage

PLUGIN = "session-manager-plugin"
PLUGIN_PAGE = (
    "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"
)
DOCUMENT = "AWS-StartPortForwardingSessionToRemoteHost"
# Where the plugin, from 1.2.497 on, looks for the session it is to join; on its command line everybody could read it.
SESSION_VARIABLE = "AWS_SSM_START_SESSION_RESPONSE"
OPEN_SECONDS = 30.0
STANDARD_ERROR = 2


@dataclass(frozen=True)
class Route:
    """Where a tunnel begins and ends, and the secret of the database there."""

    target: str
    instance: str
    host: str
    port: int
    secret: str


@click.command(
    "tunnel", short_help="Open a way to a stage's private database.", context_settings={"ignore_unknown_options": True}
)
@click.option("--stage", required=True, help="The deployed stage.")
@click.option(
    "--target", type=click.Choice(["rds", "redshift"]), default="rds", show_default=True, help="Which database."
)
@click.option("--port", type=click.IntRange(1, 65535), help="The port on this machine; by default one that is free.")
@click.argument("command_line", metavar="[COMMAND]...", nargs=-1, type=click.UNPROCESSED)
def command(stage: str, target: str, port: int | None, command_line: tuple[str, ...]) -> int:
    """Open a way to a private database of a deployed stage, on 127.0.0.1, until the command ends or Ctrl-C.

    With a command, the command runs with the database's address and password in its environment, as `profiles.yml`
    reads them: they are shown nowhere. Without one, the address is told and the tunnel stays open.

    It needs the tunnel host (the stage's parameter Tunnel), Session Manager's plugin on this machine, and the
    permission ssm:StartSession.

    \b
    Examples:
      xtage tunnel --stage dev -- dbt run --target rds
      xtage tunnel --stage dev --target redshift -- dbt build --target redshift
      xtage tunnel --stage dev --port 15432
    """
    if stage == LOCAL:
        raise OperatorError("the local databases are on this machine already", "see `xtage status`")
    plugin = shutil.which(PLUGIN)
    if plugin is None:
        raise OperatorError(f"there is no {PLUGIN} on this machine", f"install it: {PLUGIN_PAGE}")
    if command_line and shutil.which(command_line[0]) is None:
        raise OperatorError(f"there is no command {command_line[0]}", "no tunnel was opened; check what follows --")
    found = find_stage(stage)
    route = route_to(found, target)
    local_port = port or free_port()
    with opened(found, route, local_port, plugin) as process:
        if command_line:
            return subprocess.run(command_line, env={**os.environ, **environment(found, route, local_port)}).returncode
        say(f"{target} of stage {stage} answers on {HOST}:{local_port}, its secret is {route.secret}; Ctrl-C closes it")
        return process.wait()


def route_to(stage: Stage, target: str) -> Route:
    """The way to a database of a stage. Raises OperatorError where there is no such database, or no tunnel host."""
    outputs = stage.outputs
    if "TunnelInstanceId" not in outputs:
        raise OperatorError(
            f"stage {stage.name} has no tunnel host", 'give it the parameter "Tunnel": "true" and deploy it again'
        )
    name = "Database" if target == "rds" else "Redshift"
    if f"{name}SecretArn" not in outputs:
        raise OperatorError(f"stage {stage.name} has no {target}", 'deploy it with the parameter "Warehouse": "both"')
    host, port, secret = (outputs[f"{name}{part}"] for part in ("Endpoint", "Port", "SecretArn"))
    return Route(target, outputs["TunnelInstanceId"], host, int(port), secret)


def environment(stage: Stage, route: Route, local_port: int) -> dict[str, str]:
    """What `profiles.yml` reads, so that the target leads through the tunnel."""
    connection = _secret(stage, route.secret)
    prefix = route.target.upper()
    shared = {
        f"{prefix}_PORT": str(local_port),
        f"{prefix}_USER": str(connection["username"]),
        f"{prefix}_PASSWORD": str(connection["password"]),
        f"{prefix}_DBNAME": str(connection["dbname"]),
    }
    if route.target == "rds":
        # PostgreSQL's clients connect to the address, and compare the certificate with the name.
        return shared | {"RDS_HOST": route.host, "PGHOSTADDR": HOST}
    # Redshift's driver knows one name only: the certificate is checked, its name cannot be.
    return shared | {"REDSHIFT_HOST": HOST, "REDSHIFT_SSLMODE": "verify-ca"}


@contextmanager
def opened(stage: Stage, route: Route, local_port: int, plugin: str) -> Iterator[subprocess.Popen[bytes]]:
    """A tunnel that is open: the plugin's process. It is closed, and its session ended, when the block ends.

    Raises OperatorError when the plugin ends or nothing answers within OPEN_SECONDS.
    """
    ssm = stage.client("ssm")
    asked = {
        "Target": route.instance,
        "DocumentName": DOCUMENT,
        "Parameters": {"host": [route.host], "portNumber": [str(route.port)], "localPortNumber": [str(local_port)]},
    }
    session = ssm.start_session(**asked)
    process = subprocess.Popen(
        [plugin, SESSION_VARIABLE, ssm.meta.region_name, "StartSession", "", json.dumps(asked), ssm.meta.endpoint_url],
        env={**os.environ, SESSION_VARIABLE: json.dumps(_without_metadata(session))},
        # What it tells is not what the command prints.
        stdout=STANDARD_ERROR,
    )
    try:
        _wait_until_open(process, local_port)
        yield process
    finally:
        process.terminate()
        process.wait()
        ssm.terminate_session(SessionId=session["SessionId"])


def _wait_until_open(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + OPEN_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.1)
    ending = "ended" if process.poll() is not None else f"opened nothing in {OPEN_SECONDS:.0f} s"
    raise OperatorError(f"{PLUGIN} {ending}", f"see what it says above; port {port} must be free")


def _without_metadata(session: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in session.items() if name != "ResponseMetadata"}


def _secret(stage: Stage, name: str) -> dict[str, Any]:
    text = stage.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    found: dict[str, Any] = json.loads(text)
    return found
