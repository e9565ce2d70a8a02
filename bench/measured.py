"""Runs one command and prints, as one JSON line, its exit code, when it started, wall time, CPU time and peak memory.

Run as a script of its own, without site packages: a process inherits the peak memory of the one that starts it, so
the starter has to be smaller than anything that is measured. Usage: python -I -S measured.py STDOUT STDERR COMMAND...
"""

import json
import os
import sys
import time


def main() -> None:
    """Starts the command with its output in the two files, waits for it, prints what it took."""
    stdout, stderr, *command = sys.argv[1:]
    create = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    redirected = [(os.POSIX_SPAWN_OPEN, 1, stdout, create, 0o644), (os.POSIX_SPAWN_OPEN, 2, stderr, create, 0o644)]
    started = time.monotonic()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=redirected)
    _, status, usage = os.wait4(process, 0)
    seconds = time.monotonic() - started
    report = {
        "exit_code": os.waitstatus_to_exitcode(status),
        "started_at": started,
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        # Linux counts in KiB.
        "peak_mb": usage.ru_maxrss / 1024,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
