"""The project's loader, as its Lambda calls it, on one pending delivery.

Usage: load.py DELIVERY_ID [FILE]. With a file the loader's bytes come from the disk and its connection from BENCH_DSN;
without, from the S3 and the secret that the Lambda's environment variables name.
"""

import json
import math
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from bench.loading.children.session import connect
from loaders import database, storage
from loaders.contract import load_contracts
from loaders.load.rds import Loader

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


class Disk:
    """In the place of the S3 client: its one object is a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get_object(self, **_: Any) -> dict[str, BinaryIO]:
        """The file, open, where S3's answer has the object's bytes."""
        return {"Body": self._path.open("rb")}


def from_disk(file: Path) -> tuple[database.Connection, Any]:
    """A connection that asks AWS nothing, and the file."""
    connection = connect()
    database.prepare_session(connection)
    return connection, Disk(file)


def from_s3() -> tuple[database.Connection, Any]:
    """What the Lambda makes when it starts."""
    return database.connect(os.environ), storage.s3_client()


def main() -> None:
    """Loads the delivery and prints what became of it, and when it had started."""
    contracts = load_contracts(CONTRACTS)
    # The clock of whoever started this process; Linux counts memory in KiB.
    ready = {"ready_at": time.monotonic(), "ready_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    delivery_id, *files = sys.argv[1:]
    connection, objects = from_disk(Path(files[0])) if files else from_s3()
    outcome = Loader(connection, objects, contracts, lambda: math.inf).load(int(delivery_id), run_id=None)
    print(f"{outcome.status}: {outcome.error or f'{outcome.records_loaded} of {outcome.records_read} records landed'}")
    print(json.dumps(ready))


if __name__ == "__main__":
    main()
