"""Starts and stops the process of the embedded AWS."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any

import boto3
import psutil

from localcloud import locks, ports
from localcloud.errors import LocalCloudError
from localcloud.settings import Settings

ACCESS_KEY = "test"
SECRET_KEY = "test"
REGION = "us-east-1"

START_SECONDS = 60.0
STOP_SECONDS = 30.0
LOG_BYTES = 10_000_000


class Aws:
    """The embedded AWS of one home directory."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = settings.home / "aws"
        self.log = settings.logs / "aws.log"
        self.endpoint = f"http://{ports.HOST}:{settings.aws_port}"
        self._start_lock = settings.home / "aws.lock"
        # Held by the server for as long as it lives, whatever kills it: the proof that the pid in it is ours.
        self._server_lock = server_lock(settings)
        self._process: subprocess.Popen[bytes] | None = None

    def client(self, service: str) -> Any:
        """A boto3 client of this server, whatever the environment says about AWS."""
        session = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
        return session.client(service, endpoint_url=self.endpoint)  # type: ignore[call-overload]

    def is_running(self) -> bool:
        """Whether the server of this home is up, or on its way up or down."""
        return locks.is_held(self._server_lock)

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
            with self._open_log() as log:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "localcloud.aws"],
                    cwd=self.settings.project,
                    env=self._environment(),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            self._await(self._process)

    def stop(self) -> None:
        """Ends the server after it has written its state, with every Lambda and build under it; nothing if none runs.

        Raises LocalCloudError when it cannot be ended.
        """
        if not self.is_running():
            return
        server = self._server()
        if server is not None:
            server.terminate()
        if not self._gone_within(STOP_SECONDS):
            if server is not None:
                server.kill()
            if not self._gone_within(5):
                raise LocalCloudError(f"the embedded AWS in {self.home} does not end", f"see {self.log}")
        if self._process is not None:
            # Only when this very process had started it: then it is also the one to take note of its end.
            self._process.wait(5)

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
                "CLOUDTRAIL_RECORDING": "0",
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

    def _open_log(self) -> IO[bytes]:
        self.settings.logs.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")

    def _await(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalCloudError(f"the embedded AWS ended at once: {self._last_line()}", f"see {self.log}")
            if self._answers():
                return
            time.sleep(0.05)
        process.kill()
        raise LocalCloudError(f"the embedded AWS did not come up within {START_SECONDS:.0f} s", f"see {self.log}")

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def _server(self) -> psutil.Process | None:
        try:
            return psutil.Process(int(self._server_lock.read_text()))
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def postgres_port_file(settings: Settings) -> Path:
    """Holds the PostgreSQL port that was deployed into secrets, functions and build projects."""
    return settings.home / "aws" / "postgres-port"


def server_lock(settings: Settings) -> Path:
    """The lock that the server of these settings holds while it lives."""
    return settings.home / "aws" / "server.lock"
