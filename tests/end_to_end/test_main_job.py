"""Files in, unified dataset out, through the real state machine; what a person who drops files relies on."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from localcloud.settings import PROJECT
from samples import FILES, Manifest, make_samples
from tests.end_to_end.conftest import Cloud
from tests.privilege import rare
from tests.privilege.roles import Roles, idle_reasons, unexplained

RECORDS = 200
UNREADABLE = {
    "empty.csv": (b"", "empty"),
    "photo.csv": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 50, "PNG image"),
    "page.csv": (b"<html><body>502 Bad Gateway</body></html>", "HTML"),
}
"""Files of no records, and a word of the reason that each is refused with."""


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Manifest]:
    directory = tmp_path_factory.mktemp("samples")
    return directory, make_samples(directory, seed=11, records=RECORDS)


@pytest.fixture(scope="module")
def first_run(cloud: Cloud, samples: tuple[Path, Manifest]) -> str:
    """The six feeds dropped, the pipeline run; what `xtage run` printed."""
    directory, _ = samples
    cloud.ok("drop", *(str(directory / name) for name in FILES.values()))
    printed = cloud.ok("run")
    cloud.wait_until_idle()
    return printed


def sales_csv(first_id: int, records: int = 3) -> bytes:
    """A small sales file whose transaction ids no other file has."""
    lines = [f"{first_id + n},1001,2,10.50,2022-03-04" for n in range(records)]
    return "\n".join(["Transaction_ID,Product_ID,Quantity,Price,Transaction_Date", *lines, ""]).encode()


def unified(cloud: Cloud, first_id: int, records: int = 3) -> int:
    """How many of the transaction ids from `first_id` on the unified dataset has."""
    [row] = cloud.sql(
        "select count(*) as n from marts.unified_sales "
        f"where transaction_id between {first_id} and {first_id + records - 1}"
    )
    count: int = row["n"]
    return count


def test_every_record_of_the_six_feeds_is_accounted_for(
    cloud: Cloud, samples: tuple[Path, Manifest], first_run: str
) -> None:
    _, manifest = samples
    query = (
        "select feed, sum(records_read) as read, sum(loaded) as loaded, sum(rejected) as rejected, "
        "sum(abs(unaccounted)) as unaccounted from marts.row_accounting group by feed"
    )
    accounting = json.loads(cloud.ok("sql", query, "--format", "json"))
    told = {
        row["feed"]: [int(row[name]) for name in ("read", "loaded", "rejected", "unaccounted")] for row in accounting
    }
    assert told == {feed: [made["records"], made["records"], 0, 0] for feed, made in manifest["feeds"].items()}


def test_the_run_prints_what_landed_and_how_many_unified_rows_there_are(
    cloud: Cloud, samples: tuple[Path, Manifest], first_run: str
) -> None:
    directory, _ = samples
    ids = {
        row["Transaction_ID"]
        for name in ("sales_data.csv", "transactions.csv")
        for row in csv.DictReader((directory / name).open())
    }
    assert f"marts.unified_sales: {len(ids):,} rows" in first_run
    assert all(name in first_run for name in FILES.values())


def test_the_nested_feed_went_by_way_of_glue_and_each_of_its_elements_landed(cloud: Cloud, first_run: str) -> None:
    routes = cloud.sql("select feed, min(route) as route from marts.row_accounting group by feed")
    expected = {feed: "glue" if feed == "orders" else "lambda" for feed in FILES}
    assert {row["feed"]: row["route"] for row in routes} == expected
    [arrays] = cloud.sql(
        "select count(*) as arrays, min(elements) as fewest, sum(abs(unaccounted)) as lost from marts.array_accounting"
    )
    assert (arrays["arrays"], arrays["fewest"] > RECORDS / 2, int(arrays["lost"])) == (2, True, 0)


def test_the_lake_has_every_unified_row_in_the_catalogs_partitions(cloud: Cloud, first_run: str) -> None:
    cloud.wait_until_idle()
    glue, s3 = cloud.client("glue"), cloud.client("s3")
    rows = 0
    for partition in glue.get_partitions(DatabaseName="xtage_local", TableName="unified_sales")["Partitions"]:
        bucket, _, prefix = partition["StorageDescriptor"]["Location"].removeprefix("s3://").partition("/")
        for found in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
            body = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
            rows += pq.ParquetFile(io.BytesIO(body)).metadata.num_rows
    assert cloud.sql("select count(*) as n from marts.unified_sales") == [{"n": rows}]


@pytest.fixture(scope="module")
def many_drops(cloud: Cloud, samples: tuple[Path, Manifest], first_run: str) -> None:
    """Files of all kinds, dropped at once, and the pipeline at rest after them."""
    directory, _ = samples
    [before] = cloud.sql("select count(*) as deliveries from ops.deliveries")
    cloud.put("raw/sales/again.csv", (directory / "sales_data.csv").read_bytes())
    for n in range(20):
        cloud.put(f"raw/sales/twenty-{n:02}.csv", sales_csv(920_000 + n * 10))
    cloud.put("holiday-photos.txt", b"not a feed")
    for name, (body, _) in UNREADABLE.items():
        cloud.put(f"raw/sales/{name}", body)
    expected = before["deliveries"] + 20 + 2 + len(UNREADABLE)
    cloud.wait_for("each is registered", lambda: len(cloud.sql("select 1 from ops.deliveries")) == expected)
    cloud.wait_until_idle()


def test_the_same_content_again_lands_nothing(cloud: Cloud, many_drops: None) -> None:
    [delivery] = cloud.deliveries("raw/sales/again.csv")
    [original] = cloud.deliveries("raw/sales/sales_data.csv")
    assert (delivery["status"], delivery["load_id"]) == ("duplicate", original["load_id"])
    rows = "select count(*) as n from raw.sales where _load_id = %s"
    assert cloud.sql(rows, original["load_id"]) == [{"n": RECORDS}]


def test_why_leads_from_a_unified_row_to_the_lines_of_the_dropped_files(
    cloud: Cloud, samples: tuple[Path, Manifest], first_run: str
) -> None:
    directory, _ = samples
    for feed, name in (("sale", "sales_data.csv"), ("transaction", "transactions.csv")):
        with (directory / name).open() as stream:
            records = list(csv.DictReader(stream))
        number, record = next((n, one) for n, one in enumerate(records, start=1) if one["Transaction_ID"].isdigit())
        told = json.loads(cloud.ok("why", record["Transaction_ID"], "--format", "json"))
        [same] = [
            one
            for one in [told[feed], *told["earlier"]]
            if one and (one["object_key"].endswith(name), one["row_number"]) == (True, number)
        ]
        assert same["raw"] == {**{column.lower(): text for column, text in record.items()}, "_extra": None}
        [delivery] = cloud.deliveries(same["object_key"])
        assert same["load_id"] == delivery["load_id"]


def test_twenty_files_at_once_land_once_each_in_few_runs_that_nobody_started(cloud: Cloud, many_drops: None) -> None:
    deliveries = cloud.sql(
        "select status, load_id, run_id from ops.deliveries where object_key like 'raw/sales/twenty-%'"
    )
    assert [row["status"] for row in deliveries] == ["loaded"] * 20
    assert len({row["load_id"] for row in deliveries}) == 20
    assert len({row["run_id"] for row in deliveries}) <= 3
    assert unified(cloud, 920_000, 200) == 60


def test_a_file_of_no_feed_is_listed_and_stays(cloud: Cloud, many_drops: None) -> None:
    [delivery] = cloud.deliveries("holiday-photos.txt")
    assert delivery["status"] == "unrecognized"
    body = cloud.client("s3").get_object(Bucket="xtage-data-pipeline", Key="holiday-photos.txt")["Body"].read()
    assert body == b"not a feed"
    assert "holiday-photos.txt" in json.dumps(cloud.status())


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_file_that_cannot_be_read_fails_alone_with_its_reason(cloud: Cloud, many_drops: None, name: str) -> None:
    [delivery] = cloud.deliveries(f"raw/sales/{name}")
    assert delivery["status"] == "failed"
    assert UNREADABLE[name][1] in delivery["error"]


def test_what_a_lost_event_and_a_stopped_run_left_is_found_by_the_next_sweep(cloud: Cloud, first_run: str) -> None:
    cloud.wait_until_idle()
    s3 = cloud.client("s3")
    s3.put_bucket_notification_configuration(Bucket="xtage-data-pipeline", NotificationConfiguration={})
    try:
        cloud.put("raw/sales/unannounced.csv", sales_csv(930_000))
        time.sleep(3)
        assert cloud.deliveries("raw/sales/unannounced.csv") == []
    finally:
        s3.put_bucket_notification_configuration(
            Bucket="xtage-data-pipeline", NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
    cloud.put("raw/sales/stopped.csv", sales_csv(940_000))
    cloud.wait_for("a run has begun", lambda: bool(_running(cloud)))
    cloud.client("stepfunctions").stop_execution(executionArn=_running(cloud)[0])
    cloud.ok("run")
    assert (unified(cloud, 930_000), unified(cloud, 940_000)) == (3, 3)
    assert _running(cloud) == []


def test_a_killed_embedded_aws_loses_nothing(cloud: Cloud, first_run: str) -> None:
    cloud.wait_until_idle()
    cloud.put("raw/sales/killed.csv", sales_csv(950_000))
    cloud.wait_for("a run has begun", lambda: bool(_running(cloud)))
    _kill_what_listens_on(int(cloud.environment["XTAGE_AWS_PORT"]))
    cloud.ok("up")
    cloud.wait_for("the marts show the file", lambda: unified(cloud, 950_000) == 3)
    cloud.wait_until_idle()
    assert [d["status"] for d in cloud.deliveries("raw/sales/killed.csv")] == ["loaded"]


def test_a_killed_database_needs_one_up_and_one_run(cloud: Cloud, first_run: str) -> None:
    cloud.wait_until_idle()
    cloud.put("raw/sales/database-killed.csv", sales_csv(960_000))
    cloud.wait_for("a run has begun", lambda: bool(_running(cloud)))
    _kill_what_listens_on(int(cloud.environment["XTAGE_POSTGRES_PORT"]))
    cloud.ok("up")
    cloud.ok("run")
    assert unified(cloud, 960_000) == 3
    cloud.wait_until_idle()


def _running(cloud: Cloud) -> list[str]:
    return [row["execution_arn"] for row in cloud.sql("select execution_arn from ops.runs where status = 'running'")]


def _kill_what_listens_on(port: int) -> None:
    [server] = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    }
    assert server is not None
    psutil.Process(server).send_signal(signal.SIGKILL)


def test_a_replay_lands_the_same_rows_under_the_same_load(cloud: Cloud, first_run: str) -> None:
    cloud.wait_until_idle()
    [load] = cloud.sql("select max(_load_id) as id from raw.sales")
    rows = f"select * from raw.sales where _load_id = {load['id']} order by _row_number"
    before = cloud.sql(rows)
    for _ in range(2):
        assert f"as load {load['id']} of sales" in cloud.ok("replay", "--load", str(load["id"]))
        assert cloud.sql(rows) == before
    refused = cloud.run("replay", "--load", "999999")
    assert refused.returncode == 1
    assert "there is no load 999999" in refused.stderr


def test_people_and_the_pipeline_build_the_same_models_in_turn(cloud: Cloud, first_run: str) -> None:
    cloud.wait_until_idle()
    _dbt(cloud, "run")
    _dbt(cloud, "test")
    machine = cloud.status()["state_machine_arn"]
    builds = "select 1 from builds.turn where holder = 'dbt of the pipeline'"
    with cloud.connect() as reader, ThreadPoolExecutor() as beside:
        # The pipeline waits for a reader of a table that it makes in each build, and a person for the pipeline.
        reader.execute("select * from marts.row_accounting")
        cloud.client("stepfunctions").start_execution(stateMachineArn=machine, input='{"force_build": true}')
        cloud.wait_for("the pipeline builds", lambda: bool(cloud.sql(builds)))
        person = beside.submit(_dbt, cloud, "build")
        waits = "select 1 from pg_stat_activity where application_name like 'dbt of %, waiting'"
        cloud.wait_for("the person waits", lambda: bool(cloud.sql(waits)))
        reader.rollback()
        assert "Waiting for dbt of the pipeline, which" in person.result()
    cloud.wait_until_idle()
    assert cloud.sql("select status from ops.runs order by run_id desc limit 1") == [{"status": "succeeded"}]


def _dbt(cloud: Cloud, *arguments: str) -> str:
    """Runs dbt at the root as an analyst does, which must succeed; gives what it printed."""
    command = [str(Path(sys.executable).with_name("dbt")), "--no-use-colors", *arguments]
    done = subprocess.run(
        command, env=cloud.environment, cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_state_survives_down_and_up_and_nothing_listens_between(cloud: Cloud, first_run: str) -> None:
    cloud.wait_until_idle()
    before = cloud.sql("select count(*) as n, sum(amount) as amount from marts.unified_sales")
    elements = "select * from raw.orders__lines order by _load_id, _row_number, _position"
    lines = cloud.sql(elements)
    # What was asked for is state too.
    assert "the next `xtage run` lands it, by way of Glue" in cloud.ok("replay", "--key", "raw/orders/orders.json")
    assert cloud.sql(elements) == lines, "what had landed stays until then"
    cloud.ok("down")
    refused = cloud.run("sql", "select 1")
    assert refused.returncode == 1
    assert "xtage up" in refused.stderr
    cloud.ok("up")
    assert cloud.sql("select count(*) as n, sum(amount) as amount from marts.unified_sales") == before
    cloud.ok("run")
    [replayed] = cloud.sql(
        "select replays.status, runs.built_through > loads.loaded_at as is_built, accounting.unaccounted "
        "from ops.replays inner join ops.loads on replays.load_id = loads.load_id "
        "inner join ops.runs on replays.run_id = runs.run_id "
        "inner join marts.row_accounting as accounting on replays.load_id = accounting.load_id"
    )
    assert replayed == {"status": "loaded", "is_built": True, "unaccounted": 0}
    assert cloud.sql(elements) == lines


def test_only_the_first_build_of_a_package_reads_the_whole_project(cloud: Cloud, many_drops: None) -> None:
    files = sorted(Path(cloud.environment["XTAGE_HOME"], "logs/builds").glob("*.log"))
    # Without those that were killed before they came so far.
    logs = [log for log in (file.read_text() for file in files) if "Entering phase INSTALL" in log]
    assert len(logs) > 1
    assert ["The cache was restored" in log for log in logs] == [False] + [True] * (len(logs) - 1)
    assert [log for log in logs[1:] if "Unable to do partial parsing" in log] == []


def test_every_role_allows_what_its_component_asks_for_and_nothing_else(
    cloud: Cloud, samples: tuple[Path, Manifest], many_drops: None
) -> None:
    cloud.wait_until_idle()
    rare.age_the_lake(cloud)
    rare.fail_without_a_run(cloud)
    rare.rotate_password(cloud, "READER_SECRET")
    rare.put_in_parts(cloud, "raw/orders/again.json", (samples[0] / "orders.json").read_bytes())
    # One that never landed, and will not now.
    cloud.run("replay", "--key", "raw/sales/photo.csv")
    cloud.put("raw/sales/rare.csv", sales_csv(970_000))
    cloud.wait_for("the lake is put right", lambda: rare.lake_is_put_right(cloud))
    cloud.wait_until_idle()
    roles = Roles.of(cloud, "Loaders", "Glue", "Dbt", "Orchestration")
    # Without a Redshift nothing is copied to it: the test with one looks at that role. The state machine's is looked at
    # where it does all that it ever does.
    elsewhere = {"loaders.CopyToRedshiftRole", "orchestration.StateMachineRole"}
    granted = {grant for grant in roles.grants() if grant.role not in elsewhere}
    assert roles.refused() == set()
    assert unexplained(granted, roles.used()) == []
    assert idle_reasons(granted, roles.used()) == []
