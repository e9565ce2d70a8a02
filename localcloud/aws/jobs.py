"""Carries out a run of a Glue Spark job: the real script from S3, with its arguments, as a process on this machine.

The process runs on `.venv-glue`, with a Spark Connect server (Sail) beside the script in it.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws import lifeline
from localcloud.aws.credentials import Credentials
from localcloud.settings import Settings

WORKER = Path(__file__).with_name("glue_worker.py")
Log = Callable[[str], None]

_running: "dict[str, JobRun]" = {}


@dataclass(frozen=True)
class Outcome:
    """How a run ended: one of Glue's states, and its error message."""

    state: str
    message: str = ""


class JobRun:
    """One run, which asks AWS with these credentials.

    `output` is given each line the script prints, `error` each line of standard error.
    """

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        job: dict[str, Any],
        credentials: Credentials,
        output: Log,
        error: Log,
    ) -> None:
        self._settings, self._run_id, self._job, self._credentials = settings, run_id, job, credentials
        self._output, self._error = output, error
        self._ended_with: Outcome | None = None
        self._process: subprocess.Popen[str] | None = None
        self._last_error_line = ""

    def run(self, arguments: dict[str, str]) -> Outcome:
        """Runs the script to its end; `arguments` by name, `--` included."""
        _running[self._run_id] = self
        directory = Path(tempfile.mkdtemp(prefix="job-"))
        timeout = threading.Timer(60 * int(self._job.get("Timeout") or 2880), self.end, [Outcome("TIMEOUT")])
        timeout.daemon = True
        timeout.start()
        try:
            return self._run_in(directory, arguments)
        except (ClientError, BotoCoreError, OSError, ValueError) as problem:
            self._error(str(problem))
            return Outcome("FAILED", str(problem))
        finally:
            timeout.cancel()
            del _running[self._run_id]
            shutil.rmtree(directory, ignore_errors=True)

    def end(self, outcome: Outcome) -> None:
        """Kills what the run runs; it ends so."""
        self._ended_with = outcome
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _run_in(self, directory: Path, arguments: dict[str, str]) -> Outcome:
        script = _download(self._credentials, self._job["Command"]["ScriptLocation"], directory)
        archives = [url for url in arguments.get("--extra-py-files", "").split(",") if url]
        packages = [_download(self._credentials, url, directory) for url in archives]
        given = [word for name, value in arguments.items() for word in (name, str(value))]
        self._process = subprocess.Popen(
            [self._python(), WORKER, str(lifeline.descriptor()), script, os.pathsep.join(map(str, packages)), *given],
            cwd=directory,
            env=_environment(directory) | self._credentials.as_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=[lifeline.descriptor()],
            start_new_session=True,
        )
        if self._ended_with:
            self.end(self._ended_with)
        status = self._follow(self._process)
        if self._ended_with:
            return self._ended_with
        if status == 0:
            return Outcome("SUCCEEDED")
        return Outcome("FAILED", self._last_error_line or f"the script ended with exit status {status}")

    def _python(self) -> Path:
        python = self._settings.project / ".venv-glue" / "bin" / "python"
        if not python.exists():
            raise FileNotFoundError(f"the jobs' Python environment {python} does not exist: run `make install`")
        return python

    def _follow(self, process: "subprocess.Popen[str]") -> int:
        """Passes on both outputs while they come; the exit status."""
        errors = threading.Thread(target=self._pass_on_errors, args=(process.stderr,), daemon=True)
        errors.start()
        for line in _lines(process.stdout):
            self._output(line)
        errors.join()
        return process.wait()

    def _pass_on_errors(self, stream: IO[str] | None) -> None:
        """Remembers the last line that is not indented: of a traceback that is the exception."""
        for line in _lines(stream):
            self._error(line)
            if line and not line.startswith((" ", "\t")):
                self._last_error_line = line


def find(run_id: str) -> JobRun | None:
    """The run of this id, while it runs."""
    return _running.get(run_id)


def stop_all() -> None:
    """Ends every run."""
    for run in list(_running.values()):
        run.end(Outcome("STOPPED"))


def _download(credentials: Credentials, url: str, directory: Path) -> Path:
    """A file from S3. Raises ValueError for another kind of address, botocore's errors when it cannot be read."""
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not key:
        raise ValueError(f"{url!r} is no object in S3")
    path = directory / key.rpartition("/")[2]
    credentials.client("s3").download_file(bucket, key, str(path))
    return path


def _environment(directory: Path) -> dict[str, str]:
    names = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION")
    return {name: os.environ[name] for name in names} | {
        "AWS_REGION": os.environ["AWS_DEFAULT_REGION"],
        # Sail's S3 client insists on TLS unless it is told otherwise.
        "AWS_ALLOW_HTTP": "true",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "RUST_LOG": "error",
    }


def _lines(stream: IO[str] | None) -> Iterator[str]:
    return (line.rstrip("\n") for line in stream or ())
