"""Runs contenders as whole processes, interleaved: each round runs every contender once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

STARTER = Path(__file__).with_name("measured.py")
LAST_LINES = 15

Item = TypeVar("Item")


class BenchError(Exception):
    """A measurement that cannot be made, or that is worth nothing; the message says why."""


@dataclass(frozen=True)
class Command:
    """What one contender runs, with its whole environment."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Start:
    """A process when it has imported what it needs and has not begun to work."""

    seconds: float
    mb: float


@dataclass(frozen=True)
class Measurement:
    """One process from its start to its end, and the last of its output.

    `start` is how long it took and how much memory it had until it was ready to work, for a program that tells this on
    the last line of its output.
    """

    seconds: float
    cpu_seconds: float
    peak_mb: float
    start: Start | None
    said: str


def measure(command: Command, limit_seconds: float = 3600) -> Measurement:
    """Runs the command and measures it. Raises BenchError with its last words when it fails or takes too long."""
    with TemporaryDirectory(prefix="xtage-bench-") as directory:
        output, errors = Path(directory) / "stdout", Path(directory) / "stderr"
        starter = [sys.executable, "-I", "-S", str(STARTER), str(output), str(errors), *command.arguments]
        measured = json.loads(_output_of(starter, command.environment, limit_seconds))
        lines = (errors.read_text(errors="replace") + output.read_text(errors="replace")).splitlines()
    start = None
    # A Glue job ends with a line of JSON too.
    if lines and lines[-1].startswith('{"ready_at"'):
        ready = json.loads(lines.pop())
        start = Start(ready["ready_at"] - measured["started_at"], ready["ready_mb"])
    said = "\n".join(lines[-LAST_LINES:])
    if measured["exit_code"] != 0:
        raise BenchError(f"{' '.join(command.arguments)[:200]}: exit code {measured['exit_code']}\n{said}")
    return Measurement(measured["seconds"], measured["cpu_seconds"], measured["peak_mb"], start, said)


def _output_of(arguments: Sequence[str], environment: Mapping[str, str], limit_seconds: float) -> str:
    """Runs a process in a session of its own, killed as a whole when it takes too long or we are interrupted."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, env=environment, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            output, errors = process.communicate(timeout=limit_seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise BenchError(f"{arguments[-1]} takes longer than {limit_seconds:.0f} s") from None
            raise
    if process.returncode != 0:
        raise BenchError(f"{arguments[-1]} could not be started: {errors.strip()[-500:]}")
    return output


def touch_memory(size: int) -> None:
    """Uses `size` bytes of memory and gives them back.

    A virtual machine gets memory from its host when it is first used, which takes longer than writing to it: a table
    that grows would pay for that (0.25 s for 145 MB), one that was emptied before uses what it used last time.
    """
    # Zeroes would be pages that are not there yet.
    bytearray(b"\1") * size


def in_turn(items: Sequence[Item], round_number: int) -> list[Item]:
    """The items beginning with another one each round, so that none always runs after the same one."""
    first = round_number % len(items)
    return [*items[first:], *items[:first]]
