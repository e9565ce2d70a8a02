"""Starts and stops the process of the embedded AWS."""

import os
import shutil
import urllib.error
import urllib.request
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3

from localcloud import locks, ports
from localcloud.detached import DetachedServer
from localcloud.errors import LocalCloudError
from localcloud.settings import Settings

ACCESS_KEY = "test"
SECRET_KEY = "test"
REGION = "us-east-1"

# Below the home: one line for each permission that a role used or lacked.
PERMISSIONS = Path("logs", "permissions.jsonl")

START_SECONDS = 60.0
STOP_SECONDS = 30.0


class Aws:
    """The embedded AWS of one home directory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home / "aws"
        self.log = settings.logs / "aws.log"
        self.endpoint = f"http://{ports.HOST}:{settings.aws_port}"
        self._start_lock = settings.home / "aws.lock"
        lock = server_lock(settings)
        self._server = DetachedServer(settings, "the embedded AWS", "localcloud.aws", lock, self.log)

    def client(self, service: str) -> Any:
        """A boto3 client of this server, whatever the environment says about AWS."""
        return self._session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

    @cached_property
    def _session(self) -> boto3.Session:
        """Kept: a new one would read botocore's descriptions of the services again, a tenth of a second."""
        return boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)

    def is_running(self) -> bool:
        """Whether the server of this home is up, or on its way up or down."""
        return self._server.is_running()

    def require_same_settings(self) -> None:
        """Raises LocalCloudError when the server that is up runs with other settings than these."""
        self._server.require_same_settings()

    def start(self) -> None:
        """Starts the server, detached from this process and its terminal, and waits until it answers.

        What a killed server left is repaired: its Lambda workers and builds died with it, its temporary files are
        removed, its running executions become ABORTED. Raises LocalCloudError when it already runs, when its port is
        taken, when the Lambda environment is missing, or when it does not come up.
        """
        with locks.exclusively(self._start_lock, "the embedded AWS"):
            if self.is_running():
                raise LocalCloudError(f"the embedded AWS is already running in {self.home}", "run `xtage down` first")
            self._require_lambda_environment()
            self._require_deployed_port()
            ports.require_free(self.settings.aws_port, "the embedded AWS", "XTAGE_AWS_PORT")
            shutil.rmtree(self.home / "tmp", ignore_errors=True)
            (self.home / "tmp").mkdir(parents=True)
            self._server.start(self._environment(), self._answers, START_SECONDS)

    def stop(self) -> None:
        """Ends the server after it has written its state, with every Lambda and build under it; nothing if none runs.

        Raises LocalCloudError when it cannot be ended.
        """
        self._server.stop(STOP_SECONDS)

    def _environment(self) -> dict[str, str]:
        """What the server is told; nothing of the caller's shell reaches Lambdas or builds through it."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return (
            kept
            | self.settings.as_environment()
            | {
                "GATEWAY_PORT": str(self.settings.aws_port),
                "BIND_HOST": ports.HOST,
                "MINISTACK_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ACCESS_KEY_ID": ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                "AWS_ENDPOINT_URL": self.endpoint,
                "PERSIST_STATE": "1",
                "STATE_DIR": str(self.home / "state"),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(self.home / "s3"),
                "CLOUDTRAIL_RECORDING": "1",
                "TMPDIR": str(self.home / "tmp"),
                # Idle environments of a function beyond its first go after a minute: each takes 150 MB.
                "LAMBDA_WARM_TTL_SECONDS": "60",
                # Listeners of their own, on every address.
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                # With a Docker daemon at hand ministack would start containers, and remove some at start and stop.
                "DOCKER_HOST": "unix:///nonexistent",
                "PYTHONUNBUFFERED": "1",
            }
        )

    def _require_lambda_environment(self) -> None:
        python = self.settings.project / ".venv-lambda" / "bin" / "python"
        if not python.exists():
            raise LocalCloudError(f"the Lambdas' Python environment {python} does not exist", "run `make install`")

    def _require_deployed_port(self) -> None:
        file, port = postgres_port_file(self.settings), self.settings.postgres_port
        deployed = file.read_text() if file.exists() else str(port)
        if deployed != str(port):
            problem = f"what is deployed in {self.home} expects PostgreSQL on port {deployed}, not {port}"
            raise LocalCloudError(problem, f"set XTAGE_POSTGRES_PORT to {deployed}, or remove {self.settings.home}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def postgres_port_file(settings: Settings) -> Path:
    """Holds the PostgreSQL port that was deployed into secrets, functions and build projects."""
    return settings.home / "aws" / "postgres-port"


def server_lock(settings: Settings) -> Path:
    """The lock that the server of these settings holds while it lives."""
    return settings.home / "aws" / "server.lock"
