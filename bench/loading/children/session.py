"""The connection of a measured program."""

import os
from urllib.parse import unquote, urlsplit

import pg8000


def connect() -> pg8000.Connection:
    """A connection to the database of BENCH_DSN, of the class that awswrangler insists on; the loader takes it too."""
    url = urlsplit(os.environ["BENCH_DSN"])
    return pg8000.connect(url.username, url.hostname, url.path.lstrip("/"), url.port, unquote(url.password or ""))
