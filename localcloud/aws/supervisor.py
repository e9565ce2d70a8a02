"""Runs a build's shell and ends it, with all it has started, when the server dies. Started by path.

Arguments: the descriptor of the server's lifeline, then the command. It leads a process group of its own.
"""

import os
import signal
import subprocess
import sys
import threading


def main() -> int:
    """The exit status of the command."""
    threading.Thread(target=_die_with_server, args=(int(sys.argv[1]),), daemon=True).start()
    return subprocess.call(sys.argv[2:])


def _die_with_server(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
