"""Goes on with a dbt build that failed of nothing but collisions with other transactions; otherwise fails at once.

    dbt build ... || python orchestration/dbt_retry.py target/run_results.json

In Redshift a transaction may fail because another one wrote what it has read (error 1023); its model, and what was
skipped because of it, is run again, three times at most and each time after a longer pause. Exit code 1 when the build
has failed for good. Runs in CodeBuild's shell with nothing but dbt's packages installed: standard library only.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from dbt_failure import FAILED

PAUSES_SECONDS = (10, 30, 90)

# As loaders.redshift has them; here nothing of the loaders is installed.
COLLIDED = (
    "Serializable isolation violation",
    "conflict with concurrent transaction",
    "could not open relation with OID",
)


def has_only_collided(path: Path) -> bool:
    """Whether every failed node of a run_results.json failed of a collision, and at least one did."""
    if not path.exists():
        return False
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    messages = [result.get("message") or "" for result in results if result["status"] in FAILED]
    return bool(messages) and all(any(words in message for words in COLLIDED) for message in messages)


def main(path: Path) -> int:
    """Retries while there are only collisions; returns the exit code."""
    for pause in PAUSES_SECONDS:
        if not has_only_collided(path):
            return 1
        print(f"only collisions with other transactions: trying again in {pause} s", flush=True)
        time.sleep(pause)
        if subprocess.run(["dbt", "retry"], check=False).returncode == 0:
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
