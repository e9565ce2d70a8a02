"""`python -m localcloud.redshift`: the harness's process. It is started by `localcloud.redshift.launcher`."""

import sys

from localcloud import detached
from localcloud.redshift.launcher import authority, server_lock
from localcloud.settings import Settings


def main() -> int:
    """Serves until SIGTERM or SIGINT; 1 when a harness of the same home lives already."""
    settings = Settings.from_environment()
    lock = detached.hold(server_lock(settings))
    if lock is None:
        print(f"another harness holds {server_lock(settings)}", file=sys.stderr)
        return 1
    # Only now: it takes a while to import, and a second one need not.
    from localcloud.redshift import server

    server.serve(settings, authority(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
