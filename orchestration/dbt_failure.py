"""Says in one line which models and tests failed in a dbt run, from its run_results.json; nothing when none did.

    python orchestration/dbt_failure.py target/run_results.json [--count-tests]

With --count-tests it says how many tests failed. Runs after every build, in CodeBuild's shell, with nothing but dbt's
packages installed: standard library only.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# dbt's statuses of what went wrong itself; what was skipped because of it is a consequence.
FAILED = ("error", "fail", "runtime error", "partial success")

# What dbt writes into its log when it ends without results; the next line of the log begins with a time or a rule.
ENCOUNTERED = re.compile(r"Encountered an error:\n(.*?)(?=\n(?:\x1b\[0m)?(?:\d\d:\d\d:\d\d|=====)|\Z)", re.DOTALL)

SHOWN = 5
MESSAGE_LENGTH = 500


def summarize(results: Iterable[Mapping[str, Any]]) -> str:
    """One line for the failed nodes of run_results.json's `results`; empty when none failed."""
    failed = [result for result in results if result["status"] in FAILED]
    lines = [_line(result) for result in failed[:SHOWN]]
    if len(failed) > SHOWN:
        lines.append(f"and {len(failed) - SHOWN} more")
    return "; ".join(lines)


def count_failed_tests(results: Iterable[Mapping[str, Any]]) -> int:
    """How many data tests of run_results.json's `results` failed, or could not be run."""
    return sum(result["status"] in FAILED and result["unique_id"].startswith("test.") for result in results)


def _line(result: Mapping[str, Any]) -> str:
    # model.xtage.<name>, test.xtage.<name>.<hash>, unit_test.xtage.<model>.<name>: what a person knows it by.
    kind, _, *names = result["unique_id"].split(".")
    name = ".".join(names) if kind == "unit_test" else names[0]
    message = " ".join((result.get("message") or "no message").split())
    return f"{kind} {name}: {message[:MESSAGE_LENGTH]}"


def _before_any_model(log: Path) -> str:
    """Why dbt ended without results: the last error in its log."""
    errors = ENCOUNTERED.findall(log.read_text(encoding="utf-8", errors="replace")) if log.exists() else []
    reason = " ".join(errors[-1].split())[:MESSAGE_LENGTH] if errors else "see the build's log"
    return f"dbt ended before it ran a model: {reason}"


def main(path: Path, *, counting: bool = False) -> str:
    """The line for a build that left its results at `path`, or for one that ended before it had any.

    Counting, the number of its failed tests, which nobody knows of a build without results.
    """
    if not path.exists():
        return "" if counting else _before_any_model(path.parents[1] / "logs" / "dbt.log")
    results = json.loads(path.read_text(encoding="utf-8"))["results"]
    return str(count_failed_tests(results)) if counting else summarize(results)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), counting="--count-tests" in sys.argv[2:]))
