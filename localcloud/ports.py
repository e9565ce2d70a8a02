"""Questions about TCP ports on 127.0.0.1."""

import socket

from localcloud.errors import LocalCloudError

HOST = "127.0.0.1"


def require_free(port: int, what: str, variable: str) -> None:
    """Raises LocalCloudError when something else listens on the port that `what` needs and `variable` overrides."""
    with socket.socket() as probe:
        # As the servers do: a port in TIME_WAIT after a restart is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise LocalCloudError(
                f"{what} cannot use port {port} of {HOST}: {error.strerror}",
                f"stop the program that uses it, or set {variable} to a free port",
            ) from None


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
