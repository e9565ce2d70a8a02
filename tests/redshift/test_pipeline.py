"""Files in, the unified dataset out of both databases, by the commands a person types."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.ports import free_port
from samples import FILES, make_samples
from tests.end_to_end.conftest import Cloud
from tests.privilege.rare import rotate_password
from tests.privilege.roles import Roles, unexplained


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A local cloud of its own; nothing of it runs yet."""
    ports = {f"XTAGE_{part}_PORT": str(free_port()) for part in ("POSTGRES", "AWS", "REDSHIFT")}
    made = Cloud({**os.environ, **ports, "XTAGE_HOME": str(tmp_path / "xtage")})
    try:
        yield made
    finally:
        made.run("down")


@pytest.mark.timeout(900)
def test_one_run_lands_and_builds_in_both_databases(cloud: Cloud, tmp_path: Path) -> None:
    up, status = cloud.ok("up", "--warehouse", "both"), cloud.status()
    assert status["running"] == {"postgres": True, "aws": True, "redshift": True}
    assert status["redshift_dsn"] in up
    make_samples(tmp_path / "samples", seed=3, records=50)
    cloud.ok("drop", *(str(tmp_path / "samples" / name) for name in FILES.values()))
    told = cloud.ok("run", timeout=600)
    assert "CopyToRedshift" in told
    assert "BuildRedshift" in told
    for table in ("marts.unified_sales", "marts.row_accounting", "marts.data_issues"):
        query = f"select * from {table}"
        found = [
            sorted(map(repr, json.loads(cloud.ok("sql", query, "--format", "json", *target))))
            for target in ((), ("--target", "redshift"))
        ]
        assert found[0]
        assert found[0] == found[1]
    [built] = cloud.sql("select count(*) as runs from ops.runs where redshift_built_through = built_through")
    assert built["runs"] > 0
    roles = Roles.of(cloud, "Loaders", "Redshift")
    of_redshift = {
        one
        for one in roles.grants()
        if one.role in ("loaders.CopyToRedshiftRole", "redshift.CopyRole") or "Redshift" in one.statement
    }
    rotate_password(cloud, "REDSHIFT_SECRET")
    # Lands in both databases, in Redshift with the new password.
    cloud.ok("replay", "--load", "1")
    assert roles.refused() == set()
    assert unexplained(of_redshift, roles.used()) == []
    assert "Redshift harness stopped" in cloud.ok("down")
    assert cloud.status()["redshift_dsn"] is None
    assert "start it with `xtage up --warehouse both`" in cloud.run("sql", "select 1", "--target", "redshift").stderr
