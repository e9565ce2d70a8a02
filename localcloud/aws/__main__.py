"""`python -m localcloud.aws`: the server process. It is started by `localcloud.aws.Aws`, with its environment."""

import logging
import os
import sys
import time
from pathlib import Path
from typing import IO

from localcloud import locks
from localcloud.aws.launcher import server_lock
from localcloud.settings import Settings


def _acquire(path: Path) -> IO[str] | None:
    """The lock, unless it stays taken: whoever asks whether a server runs holds it for a moment too."""
    for _ in range(20):
        if lock := locks.acquire(path):
            return lock
        time.sleep(0.05)
    return None


def main() -> int:
    """Serves until SIGTERM or SIGINT; 1 when a server of the same home lives already."""
    settings = Settings.from_environment()
    lock = _acquire(server_lock(settings))
    if lock is None:
        print(f"another server holds {server_lock(settings)}", file=sys.stderr)
        return 1
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()

    # ministack reads its environment when it is imported.
    from localcloud.aws import server

    server.serve(settings)
    logging.shutdown()
    # Threads of interrupted executions may still sleep or wait for a build: nothing is left for them to do.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
