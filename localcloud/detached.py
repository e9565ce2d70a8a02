"""A server of the local cloud that runs in a process of its own and outlives the command that starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from localcloud import locks
from localcloud.errors import LocalCloudError
from localcloud.settings import Settings

LOG_BYTES = 10_000_000


class DetachedServer:
    """`python -m MODULE`, found by the lock that it holds for as long as it lives, whatever kills it.

    Messages call it `what`; its output goes to `log`.
    """

    def __init__(self, settings: Settings, what: str, module: str, lock: Path, log: Path) -> None:
        self.settings, self.what, self.log = settings, what, log
        self._module, self._lock = module, lock
        self._process: subprocess.Popen[bytes] | None = None

    def is_running(self) -> bool:
        """Whether it is up, or on its way up or down."""
        return locks.is_held(self._lock)

    def require_same_settings(self) -> None:
        """Raises LocalCloudError when it runs with other ports or another password than these settings have."""
        server = self._server() if self.is_running() else None
        try:
            running = server.environ() if server else {}
        except psutil.NoSuchProcess:
            return
        for name, value in self.settings.as_environment().items():
            if running.get(name, value) != value:
                told = "" if "PASSWORD" in name else f" {running[name]}, not {value}"
                raise LocalCloudError(
                    f"{self.what} runs already, with another {name}{told}",
                    f"set {name} as it was, or run `xtage down` first",
                )

    def start(self, environment: Mapping[str, str], answers: Callable[[], bool], seconds: float) -> None:
        """Starts it, detached from this process and its terminal, and waits until it answers.

        Raises LocalCloudError when it ends at once or does not come up in time.
        """
        with self._open_log() as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self._module],
                cwd=self.settings.project,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._await(self._process, answers, seconds)

    def stop(self, seconds: float) -> None:
        """Tells it to end and waits, then kills it; nothing if none runs. Raises LocalCloudError when it stays."""
        if not self.is_running():
            return
        server = self._server()
        if server is not None:
            # It may end by itself meanwhile, here and below.
            with suppress(psutil.NoSuchProcess):
                server.terminate()
        if not self._gone_within(seconds):
            if server is not None:
                with suppress(psutil.NoSuchProcess):
                    server.kill()
            if not self._gone_within(5):
                raise LocalCloudError(f"{self.what} in {self.settings.home} does not end", f"see {self.log}")
        if self._process is not None:
            # Only when this very process had started it: then it is also the one to take note of its end.
            self._process.wait(5)

    def _open_log(self) -> IO[bytes]:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        return self.log.open("ab")

    def _await(self, process: subprocess.Popen[bytes], answers: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise LocalCloudError(f"{self.what} ended at once: {self._last_line()}", f"see {self.log}")
            if answers():
                return
            time.sleep(0.05)
        process.kill()
        raise LocalCloudError(f"{self.what} did not come up within {seconds:.0f} s", f"see {self.log}")

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it wrote nothing"

    def _server(self) -> psutil.Process | None:
        try:
            return psutil.Process(int(self._lock.read_text()))
        except (OSError, ValueError, psutil.NoSuchProcess):
            return None

    def _gone_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


def hold(lock: Path) -> IO[str] | None:
    """For the server's side: takes the lock and writes the pid into it; None when another server has it.

    Whoever asks whether a server runs holds the lock for a moment too.
    """
    for _ in range(20):
        if file := locks.acquire(lock):
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            return file
        time.sleep(0.05)
    return None
