"""Files in, the unified dataset out of both databases, by the commands a person types."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from localcloud.ports import free_port
from samples import FILES, make_samples
from tests.end_to_end.conftest import Cloud
from tests.privilege.rare import rotate_password
from tests.privilege.roles import Roles, unexplained
from tests.redshift.endpoint import real_endpoint

# The local cloud copies from its own S3, which no real Redshift can read; a deployment is what shows it there.
pytestmark = pytest.mark.skipif(real_endpoint() is not None, reason="this is about the local cloud with its harness")


MARTS = "select table_name from information_schema.tables where table_schema = 'marts' order by 1"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """A local cloud of its own; nothing of it runs yet."""
    ports = {f"XTAGE_{part}_PORT": str(free_port()) for part in ("POSTGRES", "AWS", "REDSHIFT")}
    made = Cloud({**os.environ, **ports, "XTAGE_HOME": str(tmp_path / "xtage")})
    try:
        yield made
    finally:
        made.run("down")


def rows(connection: psycopg.Connection[Any], mart: str) -> list[str]:
    """What a mart holds."""
    return sorted(repr(row) for row in connection.execute(f"select * from marts.{mart}".encode()))


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
    query = ("sql", "select * from marts.unified_sales", "--format", "json")
    unified = [sorted(map(repr, json.loads(cloud.ok(*query, *target)))) for target in ((), ("--target", "redshift"))]
    assert unified[0]
    assert unified[0] == unified[1]
    with (
        psycopg.connect(status["rds_dsn"], autocommit=True) as rds,
        psycopg.connect(
            status["redshift_dsn"].replace("redshift:", "postgresql:"),
            sslmode="verify-full",
            sslrootcert=status["redshift_ca"],
            autocommit=True,
        ) as redshift,
    ):
        # The others without a command for each.
        marts = [str(row[0]) for row in rds.execute(MARTS)]
        assert "unified_sales" in marts
        assert [mart for mart in marts if rows(rds, mart) != rows(redshift, mart)] == []
        built = "select count(*) > 0 from ops.runs where redshift_built_through = built_through"
        assert rds.execute(built).fetchone() == (True,)
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
    assert "nothing to deploy" in cloud.ok("up")
    assert "Redshift harness stopped" in cloud.ok("down")
    assert "Redshift" not in cloud.ok("up", "--warehouse", "rds")
    assert cloud.status()["redshift_dsn"] is None
    assert "start it with `xtage up --warehouse both`" in cloud.run("sql", "select 1", "--target", "redshift").stderr
