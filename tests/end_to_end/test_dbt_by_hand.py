"""What an analyst does at the root, beside the pipeline."""

import subprocess
import sys
from pathlib import Path

from localcloud.settings import PROJECT
from samples import FILES, make_samples
from tests.end_to_end.conftest import Cloud


def dbt(cloud: Cloud, *arguments: str) -> str:
    """Runs dbt at the root as it is, which must succeed; gives what it printed."""
    command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments]
    done = subprocess.run(
        command, env=cloud.environment, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_people_and_the_pipeline_build_the_same_models_in_turn(cloud: Cloud, tmp_path: Path) -> None:
    make_samples(tmp_path, seed=5, records=50)
    cloud.ok("drop", *(str(tmp_path / name) for name in FILES.values()))
    cloud.ok("run")
    cloud.wait_until_idle()
    dbt(cloud, "run")
    dbt(cloud, "test")
    machine = cloud.status()["state_machine_arn"]
    cloud.client("stepfunctions").start_execution(stateMachineArn=machine, input='{"force_build": true}')
    cloud.wait_for(
        "the pipeline builds",
        lambda: bool(cloud.sql("select 1 from ops.runs where status = 'running' and build_started_at is not null")),
    )
    assert "Waiting for the pipeline's run" in dbt(cloud, "build")
    cloud.wait_until_idle()
    assert cloud.sql("select status from ops.runs order by run_id desc limit 1") == [{"status": "succeeded"}]
