"""What runs in CodeBuild: its packages are the lock's, and a failed build says which model or test failed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from localcloud.ports import free_port
from xtage.deploy import PROJECT

REQUIREMENTS = PROJECT / "orchestration" / "requirements-dbt.txt"
FAILURE = PROJECT / "orchestration" / "dbt_failure.py"
RETRY = PROJECT / "orchestration" / "dbt_retry.py"


def failure(path: Path, *options: str) -> str:
    """What the script prints for a run_results.json."""
    done = subprocess.run([sys.executable, FAILURE, path, *options], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def results(path: Path, *nodes: tuple[str, str, str | None]) -> Path:
    found = [{"unique_id": unique_id, "status": status, "message": message} for unique_id, status, message in nodes]
    path.write_text(json.dumps({"results": found}))
    return path


def test_the_build_installs_what_the_lock_says() -> None:
    exported = subprocess.run(
        [
            sys.executable,
            "-m",
            "uv",
            "export",
            "--quiet",
            "--frozen",
            "--offline",
            "--only-group",
            "dbt",
            "--no-annotate",
            "--no-header",
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    committed = [line for line in REQUIREMENTS.read_text().splitlines() if not line.startswith("#")]
    assert committed == exported.stdout.splitlines(), "run the command in the head of the file"


def read_buildspec() -> dict[str, Any]:
    buildspec: dict[str, Any] = yaml.safe_load((PROJECT / "orchestration" / "buildspec.yml").read_text())
    return buildspec


def test_the_buildspec_runs_the_whole_project_on_rds_or_where_it_is_told_to() -> None:
    buildspec = read_buildspec()
    (command,) = buildspec["phases"]["build"]["commands"]
    assert command.startswith(
        'dbt build --target "${DBT_TARGET:-rds}" --exclude-resource-type unit_test --log-level-file error || '
    )
    assert "--no-index" in buildspec["phases"]["install"]["commands"][1]


def test_a_build_without_failures_has_nothing_to_say(tmp_path: Path) -> None:
    path = results(
        tmp_path / "run_results.json",
        ("model.xtage.stg_sales", "success", "CREATE VIEW"),
        ("test.xtage.not_null_stg_sales_id.1a2b", "pass", None),
        ("test.xtage.recent.9f", "warn", "Got 3 results, configured to warn if != 0"),
    )
    assert failure(path) == ""


def test_a_failed_model_and_a_failed_test_are_named_and_what_they_made_skip_is_not(tmp_path: Path) -> None:
    path = results(
        tmp_path / "run_results.json",
        ("model.xtage.stg_sales", "error", 'Database Error in model stg_sales\n  column "x" does not exist'),
        ("model.xtage.unified_sales", "skipped", None),
        ("test.xtage.unique_fct_sales_id.1a2b", "fail", "Got 2 results, configured to fail if != 0"),
        ("unit_test.xtage.stg_sales.dates_are_read", "fail", "actual differs from expected"),
    )
    assert failure(path) == (
        'model stg_sales: Database Error in model stg_sales column "x" does not exist; '
        "test unique_fct_sales_id: Got 2 results, configured to fail if != 0; "
        "unit_test stg_sales.dates_are_read: actual differs from expected"
    )


def test_many_failures_stay_one_line(tmp_path: Path) -> None:
    nodes = [(f"model.xtage.m{number}", "error", "x" * 10_000) for number in range(9)]
    line = failure(results(tmp_path / "run_results.json", *nodes))
    assert line.endswith("and 4 more")
    assert len(line) < 3_000


def test_a_build_that_ended_before_dbt_ran_says_so(tmp_path: Path) -> None:
    assert failure(tmp_path / "run_results.json") == "dbt ended before it ran a model: see the build's log"


def test_failed_data_tests_are_counted_and_nothing_else(tmp_path: Path) -> None:
    path = results(
        tmp_path / "run_results.json",
        ("model.xtage.stg_sales", "error", "no such column"),
        ("test.xtage.unique_fct_sales_id.1a2b", "fail", "Got 2 results"),
        ("test.xtage.cannot_be_asked.1a2b", "error", "no such table"),
        ("test.xtage.recent.9f", "warn", "Got 3 results, configured to warn if != 0"),
        ("test.xtage.skipped.9f", "skipped", None),
    )
    assert failure(path, "--count-tests") == "2"
    assert failure(tmp_path / "target" / "none.json", "--count-tests") == "", "nobody knows"


def test_a_build_that_found_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir()
    environment = {
        "DBT_TARGET": "local",
        "XTAGE_POSTGRES_PORT": str(free_port()),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "DBT_TARGET_PATH": str(tmp_path / "target"),
        "DBT_LOG_PATH": str(tmp_path / "logs"),
    }
    build = read_buildspec()["phases"]["build"]["commands"][0].partition(" || ")[0]
    done = subprocess.run(["sh", "-c", build], cwd=PROJECT, env=environment, capture_output=True, check=False)
    assert done.returncode != 0
    line = failure(tmp_path / "target" / "run_results.json")
    assert line.startswith("dbt ended before it ran a model: Database Error connection to server")
    assert "Connection refused" in line


COLLISION = "Database Error in model int_sales\n  1023 Serializable isolation violation on table - 1234"


def retry(tmp_path: Path, *nodes: tuple[str, str, str | None], succeeds_at: int = 1) -> tuple[int, int]:
    """Runs the retries of a build, without their pauses, with a dbt that succeeds at its n-th run; code and runs."""
    path = results(tmp_path / "run_results.json", *nodes)
    dbt = tmp_path / "dbt"
    dbt.write_text(f'#!/bin/sh\necho run >> "{tmp_path}/runs"\ntest "$(wc -l < "{tmp_path}/runs")" -ge {succeeds_at}\n')
    dbt.chmod(0o755)
    script = (
        f"import sys, time; sys.path.insert(0, {str(RETRY.parent)!r}); time.sleep = print; import dbt_retry, pathlib"
    )
    run = f"{script}; sys.exit(dbt_retry.main(pathlib.Path({str(path)!r})))"
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", run], env=environment, capture_output=True, check=False)
    runs = (tmp_path / "runs").read_text().count("run") if (tmp_path / "runs").exists() else 0
    return done.returncode, runs


def test_a_build_that_collided_is_tried_again(tmp_path: Path) -> None:
    collided = ("model.xtage.int_sales", "error", COLLISION)
    assert retry(tmp_path, collided, ("model.xtage.fct_sales", "skipped", None), succeeds_at=2) == (0, 2)


def test_a_build_that_collides_again_and_again_fails(tmp_path: Path) -> None:
    assert retry(tmp_path, ("model.xtage.int_sales", "error", COLLISION), succeeds_at=9) == (1, 3)


def test_a_build_that_failed_of_anything_else_is_not_tried_again(tmp_path: Path) -> None:
    collided = ("model.xtage.int_sales", "error", COLLISION)
    assert retry(tmp_path, collided, ("test.xtage.unique_a.1", "fail", "Got 2 results")) == (1, 0)
    assert retry(tmp_path, ("test.xtage.unique_a.1", "fail", "Got 2 results")) == (1, 0)
