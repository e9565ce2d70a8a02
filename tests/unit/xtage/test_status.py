import json
from datetime import UTC, datetime, timedelta

import pytest

from loaders.contract import Freshness
from tests.conftest import make_settings
from xtage import cli
from xtage.status import freshness

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "told"), [(0, "fresh"), (48, "fresh"), (48.1, "late"), (168, "late"), (168.1, "stale"), (None, "never")]
)
def test_freshness_is_judged_by_the_contract(hours: float | None, told: str) -> None:
    delivered = None if hours is None else NOW - timedelta(hours=hours)
    assert freshness(delivered, Freshness(warn_after_hours=48, error_after_hours=168), NOW) == told


@pytest.fixture
def nothing_running(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    for name, value in make_settings(tmp_path_factory.mktemp("home")).as_environment().items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("nothing_running")
def test_status_of_a_stopped_local_cloud_is_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["status", "--format", "json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["running"] == {"postgres": False, "aws": False, "redshift": False}
    assert {"rds_dsn", "redshift_dsn", "s3_endpoint", "raw_bucket", "api_url", "api_key"} <= status.keys()
    assert cli.exit_code(["status"]) == 0
    assert "start with `xtage up`" in capsys.readouterr().out


@pytest.mark.usefixtures("nothing_running")
@pytest.mark.parametrize("arguments", [["run"], ["drop", "sales_data.csv"], ["sql", "select 1"]])
def test_commands_that_need_the_local_cloud_say_how_to_start_it(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.exit_code(arguments) == 1
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "start" in line
    assert "`xtage up`" in line


@pytest.mark.usefixtures("nothing_running")
def test_down_is_fine_when_nothing_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["down"]) == 0
    assert capsys.readouterr().out.count("was not running") == 3
