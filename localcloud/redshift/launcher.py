"""Starts and stops the process of the harness."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import quote

from localcloud import locks, ports
from localcloud.detached import DetachedServer
from localcloud.errors import LocalCloudError
from localcloud.postgres import USER, Postgres
from localcloud.settings import Settings

DATABASE = "redshift"
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class Redshift:
    """The Redshift protocol and dialect harness of one home directory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.log = settings.logs / "redshift.log"
        self.authority = authority(settings)
        self._start_lock = settings.home / "redshift.lock"
        output = settings.logs / "redshift-process.log"
        what = "the Redshift harness"
        self._server = DetachedServer(settings, what, "localcloud.redshift", server_lock(settings), output)

    @property
    def dsn(self) -> str:
        """The connection string of the local superuser; clients need `authority` in SSL_CERT_FILE."""
        password = quote(self.settings.postgres_password, safe="")
        return f"redshift://{USER}:{password}@{ports.HOST}:{self.settings.redshift_port}/{DATABASE}"

    def is_running(self) -> bool:
        """Whether the harness of this home is up, or on its way up or down."""
        return self._server.is_running()

    def is_deployed(self) -> bool:
        """Whether the pipeline of this home was deployed with it, whether that runs or not."""
        return redshift_port_file(self.settings).exists()

    def require_same_settings(self) -> None:
        """Raises LocalCloudError when the server that is up runs with other settings than these."""
        self._server.require_same_settings()

    def start(self) -> None:
        """Starts the harness, detached from this process, and waits until it answers.

        Raises LocalCloudError when it already runs, when its port is taken, when PostgreSQL does not run, or when it
        does not come up.
        """
        with locks.exclusively(self._start_lock, "the Redshift harness"):
            if self.is_running():
                raise LocalCloudError("the Redshift harness is already running", "stop it with `xtage down` first")
            if not Postgres(self.settings).is_running():
                raise LocalCloudError("the Redshift harness needs PostgreSQL", "start it with `xtage up`")
            self._require_deployed_port()
            ports.require_free(self.settings.redshift_port, "the Redshift harness", "XTAGE_REDSHIFT_PORT")
            self._server.start(self._environment(), self._answers, START_SECONDS)

    def stop(self) -> None:
        """Ends the harness and its sessions; nothing if none runs. Raises LocalCloudError when it cannot be ended."""
        self._server.stop(STOP_SECONDS)

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return kept | self.settings.as_environment() | {"PYTHONUNBUFFERED": "1"}

    def _require_deployed_port(self) -> None:
        file, port = redshift_port_file(self.settings), str(self.settings.redshift_port)
        deployed = file.read_text() if file.exists() else port
        if deployed != port:
            problem = f"what is deployed in {self.settings.home} expects Redshift on port {deployed}, not {port}"
            raise LocalCloudError(problem, f"set XTAGE_REDSHIFT_PORT to {deployed}, or remove {self.settings.home}")

    def _answers(self) -> bool:
        try:
            socket.create_connection((ports.HOST, self.settings.redshift_port), timeout=5).close()
        except OSError:
            return False
        return True


def authority(settings: Settings) -> Path:
    """The certificate that clients of the harness verify it with."""
    return settings.home / "redshift" / "ca.pem"


def redshift_port_file(settings: Settings) -> Path:
    """Holds the port of the harness that is deployed into secrets and functions."""
    return settings.home / "redshift" / "deployed-port"


def server_lock(settings: Settings) -> Path:
    """The lock that the harness of these settings holds while it lives."""
    return settings.home / "redshift" / "server.lock"
