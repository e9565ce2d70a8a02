"""What the pipeline wrote down is told completely and exactly, on a real PostgreSQL with the real tables."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.postgres import Postgres
from localcloud.settings import PROJECT
from tests.conftest import make_settings
from xtage import cli, ledger
from xtage.run import print_accounting

HISTORY = """
    insert into ops.loads
        (load_id, feed, content_sha256, contract_version, records_read, records_loaded, records_rejected)
    values (1, 'sales', 'a', '1', 1200, 1195, 5), (2, 'sales', 'b', '1', 10, 10, 0), (3, 'products', 'c', '1', 7, 7, 0);

    insert into ops.deliveries
        (delivery_id, feed, bucket, object_key, version_id, delivered_at, bytes, load_id, status, error, run_id,
        finished_at)
    values
        (1, 'sales', 'b', 'raw/sales/a.csv', '1', now(), 1, 1, 'loaded', null, 1, now()),
        (2, 'sales', 'b', 'raw/sales/a.csv', '2', now(), 1, 1, 'duplicate', null, 1, now()),
        (3, 'products', 'b', 'raw/products/p.csv', '1', timestamp '2001-01-01', 1, 3, 'loaded', null, 1, now()),
        (4, 'sales', 'b', 'raw/sales/bad.csv', '1', now(), 1, null, 'failed', 'no header found', 1, now()),
        (5, null, 'b', 'who.csv', '1', now(), 1, null, 'unrecognized', null, null, null),
        (7, 'sales', 'b', 'raw/sales/b.csv', '0', now(), 1, null, 'failed', 'cut off', 2, now()),
        (8, 'sales', 'b', 'raw/sales/b.csv', '1', now(), 1, 2, 'loaded', null, 2, now());

    insert into ops.replays (delivery_id, load_id, status, error, run_id, finished_at)
    values (8, 2, 'failed', 'is gone', 1, now()), (3, 3, 'pending', null, null, null);

    insert into ops.runs (run_id, execution_arn, status, started_at, finished_at, error)
    values
        (1, 'arn:one', 'succeeded', timestamp '2026-01-01 10:00', timestamp '2026-01-01 10:00:09', null),
        (2, 'arn:two', 'failed', timestamp '2026-01-01 11:00', timestamp '2026-01-01 11:01', 'Build: too late'),
        (3, 'arn:two', 'running', timestamp '2026-01-01 12:00', null, null);

    create schema marts;
    create table marts.unified_sales as select generate_series(1, 1234);
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of its own: these tables must not meet those of other tests."""
    server = Postgres(make_settings(tmp_path_factory.mktemp("ledger")))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(autouse=True)
def environment(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.settings.as_environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def history(server: Postgres) -> None:
    connection = server.connect()
    cursor = connection.cursor()
    tables = Path(PROJECT / "loaders" / "schema" / "rds.sql").read_text()
    cursor.execute(tables)
    cursor.execute(HISTORY)
    connection.commit()
    connection.close()


def test_before_the_first_deployment_nothing_is_known_and_nothing_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert ledger.latest_runs(5) == []
    assert ledger.unified_rows() is None
    assert cli.exit_code(["status"]) == 0
    assert "not built yet" in capsys.readouterr().out


@pytest.mark.usefixtures("history")
def test_accounting_tells_what_became_of_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    print_accounting([1])
    assert [line.split() for line in capsys.readouterr().out.strip().splitlines()] == [
        ["file", "feed", "way", "read", "landed", "rejected", "status"],
        ["raw/sales/a.csv", "sales", "lambda", "1,200", "1,195", "5", "loaded"],
        ["raw/sales/a.csv", "sales", "lambda", "0", "nothing", "new,", "its", "content", "is", "load", "1"],
        ["raw/products/p.csv", "products", "lambda", "7", "7", "0", "loaded"],
        ["raw/sales/bad.csv", "sales", "0", "failed"],
        ["raw/sales/b.csv", "sales", "lambda", "0", "failed,", "load", "2", "is", "as", "it", "was"],
        ["failed:", "raw/sales/bad.csv:", "no", "header", "found"],
        ["failed:", "raw/sales/b.csv:", "is", "gone"],
        *[line.split() for line in ("1 file of no feed: `xtage status` lists them", "marts.unified_sales: 1,234 rows")],
    ]


@pytest.mark.usefixtures("history")
def test_status_tells_runs_totals_and_what_needs_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["status", "--format", "json"]) == 0
    status = json.loads(capsys.readouterr().out)
    feeds = {feed["feed"]: feed for feed in status["feeds"]}
    assert (feeds["sales"]["records_read"], feeds["sales"]["records_rejected"], feeds["sales"]["loads"]) == (1210, 5, 2)
    assert [feeds[name]["freshness"] for name in ("sales", "products", "customers")] == ["fresh", "stale", "never"]
    assert [run["status"] for run in status["runs"]] == ["running", "failed", "succeeded"]
    assert status["runs"][2]["finished_at"] == "2026-01-01T10:00:09Z"
    assert [d["object_key"] for d in status["deliveries"]["unrecognized"]] == ["who.csv"]
    failed = [d["error"] for d in status["deliveries"]["failed"]]
    assert failed == ["no header found", "is gone"], "the other was delivered again, soundly"
    assert [d["object_key"] for d in status["deliveries"]["pending"]] == ["raw/products/p.csv"], "to be replayed"
    assert status["unified_rows"] == 1234


@pytest.mark.usefixtures("history")
def test_status_table_shows_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["status"]) == 0
    told = capsys.readouterr().out
    for words in ("Build: too late", "unrecognized: who.csv", "1,234", "2026-01-01 10:00:00", "stale"):
        assert words in told


@pytest.mark.usefixtures("history")
def test_the_run_under_way_is_found() -> None:
    run = ledger.running_run()
    assert run is not None
    assert run.run_id == 3
    assert [run.run_id for run in ledger.runs_of("arn:two")] == [3, 2]
