"""Carries out a CodeBuild build: the real source from S3, the real buildspec, as a process on this machine."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from localcloud.aws import buildspec, lifeline
from localcloud.aws.build_cache import BuildCache, matching
from localcloud.aws.build_environment import environment_of
from localcloud.aws.buildspec import Buildspec, BuildspecError
from localcloud.aws.credentials import Credentials
from localcloud.settings import Settings

SUPERVISOR = Path(__file__).with_name("supervisor.py")

_running: "dict[str, Build]" = {}


@dataclass
class Outcome:
    """How a build ended: one of CodeBuild's statuses, and what its exported variables held."""

    status: str
    exported: dict[str, str] = field(default_factory=dict)


class Build:
    """One build, which asks AWS with these credentials.

    `log` is given each line it prints, `phase` each change: name, status or None, and why it failed.
    """

    def __init__(
        self,
        settings: Settings,
        record: dict[str, Any],
        project: dict[str, Any],
        credentials: Credentials,
        log: Callable[[str], None],
        phase: Callable[[str, str | None, str], None],
    ) -> None:
        self.settings, self.record, self.project, self.credentials = settings, record, project, credentials
        self._log, self._phase = log, phase
        self._ended_with: str | None = None
        self._process: subprocess.Popen[str] | None = None

    def run(self) -> Outcome:
        """Runs the build to its end."""
        _running[self.record["id"]] = self
        # Its own directory: a source that is built twice at once must not meet itself.
        directory = Path(tempfile.mkdtemp(prefix="build-"))
        timeout = threading.Timer(60 * int(self.project.get("timeoutInMinutes") or 60), self.end, ["TIMED_OUT"])
        timeout.start()
        try:
            return self._run_in(directory)
        finally:
            timeout.cancel()
            del _running[self.record["id"]]
            shutil.rmtree(directory, ignore_errors=True)

    def end(self, status: str) -> None:
        """Kills what the build runs; it ends with this status."""
        self._ended_with = status
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def remove(self, **_: Any) -> None:
        """Ends the build as StopBuild does: ministack sees in this object the container of the build."""
        self.end("STOPPED")

    def _run_in(self, directory: Path) -> Outcome:
        source, exports = directory / "source", directory / "exports"
        for path in (source, exports, directory / "home"):
            path.mkdir()
        self._phase("DOWNLOAD_SOURCE", None, "")
        try:
            spec = self._prepare(source)
            environment = environment_of(self.settings, self.record, self.project, spec, directory, self.credentials)
        except (BuildspecError, ClientError, OSError, zipfile.BadZipFile, LookupError, ValueError) as error:
            self._log(f"[Container] {error}")
            self._phase("DOWNLOAD_SOURCE", "CLIENT_ERROR", str(error))
            return Outcome("FAILED")
        self._phase("DOWNLOAD_SOURCE", "SUCCEEDED", "")
        missing = self._restore(spec, source, environment)
        status = self._run_phases(spec, source, exports, environment)
        if status in ("SUCCEEDED", "FAILED"):
            self._upload(spec, source)
        if missing is not None and status == "SUCCEEDED":
            with self._told("The cache was not kept"):
                missing.keep(source)
        exported = {file.name: file.read_text(errors="replace") for file in sorted(exports.iterdir())}
        return Outcome(status, exported)

    def _prepare(self, source: Path) -> Buildspec:
        """Unpacks the source and reads the buildspec, which the project holds itself or names within the source."""
        settings = self.project.get("source") or {}
        if settings.get("type") == "S3":
            bucket, _, key = settings["location"].partition("/")
            version = {"VersionId": self.record["sourceVersion"]} if self.project.get("sourceVersion") else {}
            archive = self.credentials.client("s3").get_object(Bucket=bucket, Key=key, **version)["Body"].read()
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                opened.extractall(source)
        elif settings.get("type") != "NO_SOURCE":
            raise BuildspecError(f"a source of type {settings.get('type')} cannot be built here: use S3 or NO_SOURCE")
        text = settings.get("buildspec") or "buildspec.yml"
        return buildspec.parse(text if "\n" in text else (source / text).read_text())

    def _restore(self, spec: Buildspec, source: Path, environment: dict[str, str]) -> BuildCache | None:
        """Brings back what an earlier build left; the cache that is still to be filled, if there was nothing."""
        settings = self.project.get("cache") or {}
        if settings.get("type") != "S3" or spec.cache is None:
            return None
        cache = BuildCache.of(self.credentials.client("s3"), settings["location"], spec.cache, source, environment)
        with self._told("The cache was not restored"):
            if not cache.restore(source):
                return cache
            self._log(f"[Container] The cache was restored from {cache.key}")
        return None

    @contextlib.contextmanager
    def _told(self, problem: str) -> Iterator[None]:
        """What S3 refuses is told in the log and does not end the build."""
        try:
            yield
        except ClientError as error:
            self._log(f"[Container] {problem}: {error}")

    def _run_phases(self, spec: Buildspec, source: Path, exports: Path, environment: dict[str, str]) -> str:
        mark = f"build-{uuid.uuid4()}"
        script = buildspec.script(spec, mark, str(exports))
        self._process = subprocess.Popen(
            [sys.executable, "-I", SUPERVISOR, str(lifeline.descriptor()), spec.shell, "-c", script],
            cwd=source,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=[lifeline.descriptor()],
            start_new_session=True,
        )
        if self._ended_with:
            self.end(self._ended_with)
        phase = self._follow(self._process.stdout or (), spec, mark)
        status = self._process.wait()
        if self._ended_with:
            if phase:
                self._phase(phase, self._ended_with, "")
            return self._ended_with
        if phase:
            self._phase(phase, "FAILED", f"The shell ended with exit status {status} in this phase")
        return "SUCCEEDED" if status == 0 else "FAILED"

    def _follow(self, output: Iterable[str], spec: Buildspec, mark: str) -> str | None:
        """Passes on what the script prints; the phase that it was in when it ended before its time, else None."""
        current: str | None = None
        reason = ""
        for line in output:
            printed, found, event = line.rstrip("\n").partition(f"{mark} ")
            if printed or not found:
                self._log(printed)
            match event.split():
                case ["begin", name]:
                    current, reason = name, ""
                    self._phase(name, None, "")
                case ["failed", name, status, index]:
                    command = next(p for p in spec.phases if p.name.upper() == name).commands[int(index)]
                    reason = f"Error while executing command: {command}. Reason: exit status {status}"
                case ["end", name, status]:
                    self._phase(name, "SUCCEEDED" if status == "0" else "FAILED", reason)
                    current = None
        return current

    def _upload(self, spec: Buildspec, source: Path) -> None:
        """Uploads the artifacts; one that does not exist is told in the log only."""
        target = self.project.get("artifacts") or {}
        if target.get("type") != "S3" or not spec.artifacts:
            return
        parts = [target.get("path", "").strip("/")]
        if target.get("namespaceType") == "BUILD_ID":
            parts.append(self.record["id"].rpartition(":")[2])
        with self._told("Artifacts were not uploaded"):
            for file in matching(source, spec.artifacts):
                key = "/".join(filter(None, [*parts, target.get("name", "").strip("/"), str(file.relative_to(source))]))
                self.credentials.client("s3").upload_file(str(file), target["location"], key)


def find(build_id: str) -> Build | None:
    """The running build of this id."""
    return _running.get(build_id)


def stop_all() -> None:
    """Ends every running build."""
    for build in list(_running.values()):
        build.end("STOPPED")
