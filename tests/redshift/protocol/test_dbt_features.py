"""dbt-redshift with everything it can materialize: a small project of its own, built twice."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.redshift.endpoint import Endpoint
from tests.redshift.protocol.queries import rows

FEATURES = Path(__file__).with_name("features")
# In one process: dbt takes longer to start than to build this.
COMMANDS = """
import json, os, sys
from dbt.cli.main import dbtRunner
for round_number, command in json.loads(sys.argv[1]):
    os.environ["FEATURES_ROUND"] = str(round_number)
    done = dbtRunner().invoke(command)
    if not done.success:
        sys.exit(f"{command} failed: {done.exception}")
"""


def run(endpoint: Endpoint, schema: str, work: Path, *commands: tuple[int, list[str]]) -> None:
    """dbt, several commands, each with the number of its round; fails with its own words."""
    finished = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        cwd=work,
        env={**os.environ, **endpoint.environment, "FEATURES_SCHEMA": schema},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout[-6000:] + finished.stderr[-3000:]


def test_every_materialization_strategy_key_grant_and_contract_builds_and_builds_again(
    endpoint: Endpoint, connection: Any, schema: str, tmp_path: Path
) -> None:
    work = tmp_path / "features"
    shutil.copytree(FEATURES, work)
    run(endpoint, schema, work, (1, ["build"]), (2, ["build"]), (2, ["docs", "generate"]))
    assert rows(connection, f"select id, round_number from {schema}.merged order by id") == [[1, 2], [2, 2], [3, 2]]
    assert rows(connection, f"select id, round_number from {schema}.replaced order by id") == [[1, 2], [2, 2], [3, 2]]
    assert rows(connection, f"select count(*) from {schema}.appended") == [[6]]
    assert rows(connection, f"select count(*) from {schema}.history where dbt_valid_to is null") == [[3]]
    assert rows(connection, f"select count(*) from {schema}.history") == [[5]]
    assert rows(connection, f"select name from {schema}.late order by id") == [["red"], ["grün"], ["blue, dark"]]
    keys = f"select diststyle, sortkey1 from svv_table_info where schema = '{schema}' and \"table\" = 'keyed'"
    assert rows(connection, keys) == [["KEY(id)", "name"]]
    nodes = json.loads((work / "target" / "catalog.json").read_text())["nodes"]
    promised = nodes["model.features.promised"]
    assert [column["type"] for column in promised["columns"].values()] == ["bigint", "character varying(20)"]
    assert promised["metadata"]["comment"] == "One row per color."
    assert "model.features.late" in nodes
