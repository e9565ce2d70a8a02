"""Sends statements through psycopg and fetches their rows.

Usage: psycopg_client.py FILE DSN. FILE holds, per request, a JSON list of statements with their parameters. Prints the
seconds that each request took, once a line on standard input says go.
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

WARM_UPS = 20


def main() -> None:
    """Measures."""
    requests = [
        [(re.sub(r":(\w+)", r"%(\1)s", statement).encode(), parameters) for statement, parameters in request]
        for request in json.loads(Path(sys.argv[1]).read_text())
    ]
    with psycopg.connect(sys.argv[2], autocommit=True) as connection:

        def answered(request: list[tuple[bytes, dict[str, Any]]]) -> float:
            started = time.perf_counter()
            for statement, parameters in request:
                connection.execute(statement, parameters).fetchall()
            return time.perf_counter() - started

        for request in requests[:WARM_UPS]:
            answered(request)
        print("ready", flush=True)
        sys.stdin.readline()
        print(json.dumps([answered(request) for request in requests]), flush=True)


if __name__ == "__main__":
    main()
