"""The jobs' log: one JSON object per line, with the ids that the loaders' logs have; counts and places, no values.

Powertools writes the functions' logs. Glue does not bring it, and a package installed at each start of a job would be a
wait and a way to fail for the sake of one line.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime


def info(service: str, message: str, **facts: str | int | None) -> None:
    """Prints one line; facts that are null are left out."""
    known = {name: value for name, value in facts.items() if value is not None}
    head = {"level": "INFO", "message": message, "timestamp": datetime.now(UTC).isoformat(), "service": service}
    print(json.dumps(head | known), flush=True)
