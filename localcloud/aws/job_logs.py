"""What a job run prints, in CloudWatch Logs and in a file."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import boto3
from botocore.exceptions import ClientError

KEPT_FILES = 50
FLUSH_SECONDS = 1.0
# Glue's own names, when the job does not choose others.
DEFAULT_GROUP = "/aws-glue/jobs"


class JobLogs:
    """The logs of one run: `<group>/output` and `<group>/error`, stream `<run>-driver`, and one file with both."""

    def __init__(self, group: str, run_id: str, file: IO[str]) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._streams = {name: _Stream(f"{group}/{name}", f"{run_id}-driver") for name in ("output", "error")}

    def output(self, line: str) -> None:
        """A line of standard output."""
        self._write("output", line)

    def error(self, line: str) -> None:
        """A line of standard error."""
        self._write("error", line)

    def close(self) -> None:
        """Sends what is left."""
        for stream in self._streams.values():
            stream.send()

    def _write(self, name: str, line: str) -> None:
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()
            self._streams[name].add(line)


class _Stream:
    def __init__(self, group: str, name: str) -> None:
        self._client = boto3.client("logs")
        self._group, self._name = group, name
        self._events: list[Any] = []
        self._sent_at = time.monotonic()
        with _unless_it_exists():
            self._client.create_log_group(logGroupName=group)
        with _unless_it_exists():
            self._client.create_log_stream(logGroupName=group, logStreamName=name)

    def add(self, line: str) -> None:
        # CloudWatch takes no empty message.
        self._events.append({"timestamp": int(time.time() * 1000), "message": line or " "})
        if time.monotonic() > self._sent_at + FLUSH_SECONDS:
            self.send()

    def send(self) -> None:
        if self._events:
            self._client.put_log_events(logGroupName=self._group, logStreamName=self._name, logEvents=self._events)
        self._events, self._sent_at = [], time.monotonic()


@contextmanager
def _unless_it_exists() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


@contextmanager
def logs_of(directory: Path, group: str, job: str, run_id: str) -> Iterator[JobLogs]:
    """The logs of a run; its file is named by time and job, and the oldest files make room."""
    directory.mkdir(parents=True, exist_ok=True)
    for old in sorted(directory.glob("*.log"))[: -KEPT_FILES + 1]:
        old.unlink(missing_ok=True)
    with (directory / f"{time.strftime('%Y%m%dT%H%M%S')}-{job}-{run_id}.log").open("w") as file:
        logs = JobLogs(group, run_id, file)
        try:
            yield logs
        finally:
            logs.close()
