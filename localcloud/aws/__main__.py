"""`python -m localcloud.aws`: the server process. It is started by `localcloud.aws.Aws`, with its environment."""

import logging
import os
import sys

from localcloud import detached
from localcloud.aws.launcher import server_lock
from localcloud.settings import Settings


def main() -> int:
    """Serves until SIGTERM or SIGINT; 1 when a server of the same home lives already."""
    settings = Settings.from_environment()
    lock = detached.hold(server_lock(settings))
    if lock is None:
        print(f"another server holds {server_lock(settings)}", file=sys.stderr)
        return 1

    # ministack reads its environment when it is imported.
    from localcloud.aws import server

    server.serve(settings)
    logging.shutdown()
    # Threads of interrupted executions may still sleep or wait for a build: nothing is left for them to do.
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
