"""The marts in the lake: what awswrangler reads through the catalog is the marts, at every moment."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import awswrangler
import boto3
import pg8000.dbapi
import pytest

from loaders.errors import TerminalError, TransientError
from loaders.lake.plan import Planner
from loaders.lake.published import KEPT, read_published, remove_replaced
from localcloud.aws import Aws
from tests.integration.loaders.conftest import Pipeline

DATABASE = "xtage_test"
MARTS = """
    create schema if not exists marts;
    drop table if exists marts.unified_sales cascade;
    create table marts.unified_sales as
    select
        cast(n as bigint) as transaction_id,
        cast(case when n % 7 > 0 then date '2024-01-01' + n end as date) as transaction_date,
        cast(n % 5 as integer) as quantity,
        cast(case when n % 11 > 0 then n * 1.2345 - 50 end as numeric(18, 4)) as amount,
        case n % 4 when 0 then '' when 1 then 'Zürich, "x"' when 2 then e'two\\nlines' end as product_name,
        n % 3 = 0 as is_complete
    from generate_series(1, 100) as n;
    create view marts.sales_in_currency as
    select
        transaction_id,
        currency_code,
        cast(amount * rate as numeric(18, 4)) as amount,
        cast(rate as numeric(24, 10)) as exchange_rate
    from marts.unified_sales
    cross join (values ('EUR', 0.91), ('JPY', 151.1234567891)) as rates (currency_code, rate)
"""

Job = Callable[..., dict[str, Any]]


@pytest.fixture
def lake(pipeline: Pipeline, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline with small marts and an empty catalog."""
    glue = aws.client("glue")
    for database in glue.get_databases()["DatabaseList"]:
        if database["Name"] == DATABASE:
            glue.delete_database(Name=DATABASE)
    glue.create_database(DatabaseInput={"Name": DATABASE})
    monkeypatch.setenv("CATALOG_DATABASE", DATABASE)
    for statement in MARTS.split(";"):
        pipeline.query(statement)
    return pipeline


def publish(lake: Pipeline, run_job: Job) -> dict[str, int] | None:
    """Plans, writes and switches; how many partitions of each mart, null when nothing changed."""
    planned = lake.call("plan_lake", {"run_id": 1})
    if planned["outcome"] == "unchanged":
        return None
    run = run_job("publish_lake", location=planned["location"], lake=planned["lake"])
    assert run["JobRunState"] == "SUCCEEDED", run["ErrorMessage"]
    switched: dict[str, int] = lake.call("switch_lake", {"run_id": 1, "prefix": planned["prefix"]})["partitions"]
    return switched


def read(mart: str) -> list[tuple[Any, ...]]:
    """A mart as anybody reads it who knows the catalog only."""
    columns = list(awswrangler.catalog.get_table_types(DATABASE, mart))
    # Without a filter awswrangler reads all that lies under the table, whatever partitions the catalog has.
    frame = awswrangler.s3.read_parquet_table(mart, DATABASE, use_threads=False, partition_filter=lambda _: True)
    frame = frame.astype(object)[columns]
    rows = frame.where(frame.notna(), None).itertuples(index=False, name=None)
    return sorted(rows, key=lambda row: (row[0], row[-1]))


def expected(lake: Pipeline, mart: str) -> list[tuple[Any, ...]]:
    """The mart, with its partition column last."""
    own, partition = {
        "unified_sales": ("*", "coalesce(to_char(transaction_date, 'YYYY-MM'), 'unknown')"),
        "sales_in_currency": ("transaction_id, amount, exchange_rate", "currency_code"),
    }[mart]
    rows = lake.query(f"select {own}, {partition} from marts.{mart}")
    return sorted(rows, key=lambda row: (row[0], row[-1]))


def assert_lake_is_the_marts(lake: Pipeline) -> None:
    for mart in ("unified_sales", "sales_in_currency"):
        assert read(mart) == expected(lake, mart), mart


def files(lake: Pipeline) -> dict[str, str]:
    found = lake.s3.list_objects_v2(Bucket=lake.bucket, Prefix="lake/").get("Contents", [])
    return {one["Key"]: one["ETag"] for one in found if one["Key"].endswith(".parquet")}


def test_the_lake_read_through_the_catalog_is_the_marts_and_only_changed_partitions_are_rewritten(
    lake: Pipeline, run_job: Job
) -> None:
    assert publish(lake, run_job) == {"unified_sales": 5, "sales_in_currency": 2}
    assert_lake_is_the_marts(lake)
    first = files(lake)
    assert publish(lake, run_job) is None
    lake.query("update marts.unified_sales set quantity = 99 where transaction_id = 1")
    assert publish(lake, run_job) == {"unified_sales": 1}
    assert_lake_is_the_marts(lake)
    assert first.items() <= files(lake).items(), "what was replaced stays for those who are reading it"
    assert len(files(lake)) == len(first) + 1
    assert "Contents" not in lake.s3.list_objects_v2(Bucket=lake.bucket, Prefix="work/")
    check_removal(lake, first)


def check_removal(lake: Pipeline, first: dict[str, str]) -> None:
    """What was replaced goes a day later, and not a second before."""
    [replaced] = read_published(lake.s3, lake.bucket, "unified_sales").replaced
    almost = replaced.since + KEPT - timedelta(seconds=1)
    assert remove_replaced(lake.s3, lake.bucket, "unified_sales", almost) == []
    removed = remove_replaced(lake.s3, lake.bucket, "unified_sales", almost + timedelta(seconds=1))
    assert removed == [replaced.prefix]
    gone = [key for key in first if key not in files(lake)]
    assert gone == [key for key in first if key.startswith(replaced.prefix)]
    assert len(gone) == 1
    assert_lake_is_the_marts(lake)
    assert read_published(lake.s3, lake.bucket, "unified_sales").replaced == []


def test_marts_are_not_replaced_while_they_are_exported(lake: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person's build may replace one in the middle, and to the moment that is read the new one would be empty."""
    refused: list[str] = []
    export_one = Planner._mart

    def replaced_before(planner: Planner, *arguments: Any) -> Any:
        person = lake.connect()
        person.cursor().execute("set lock_timeout = '100ms'")
        try:
            person.cursor().execute("alter table marts.unified_sales rename to replaced")
        except pg8000.dbapi.DatabaseError as error:
            refused.append(error.args[0]["C"])
        person.close()
        return export_one(planner, *arguments)

    monkeypatch.setattr(Planner, "_mart", replaced_before)
    assert lake.call("plan_lake", {"run_id": 1})["outcome"] == "publish"
    assert refused == ["55P03", "55P03"]


def test_partitions_that_lost_their_last_row_go_and_a_new_column_comes(lake: Pipeline, run_job: Job) -> None:
    publish(lake, run_job)
    lake.query("delete from marts.unified_sales where transaction_date >= date '2024-03-01'")
    lake.query("alter table marts.unified_sales add column is_new boolean")
    lake.query("update marts.unified_sales set is_new = transaction_id % 2 = 0")
    assert publish(lake, run_job) == {"unified_sales": 5, "sales_in_currency": 2}
    assert_lake_is_the_marts(lake)


def test_readers_see_the_old_until_the_switch_and_killed_attempts_leave_nothing(
    lake: Pipeline, run_job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(lake, run_job)
    before = read("unified_sales")
    lake.query("update marts.unified_sales set quantity = 7 where transaction_id = 2")
    killed = lake.call("plan_lake", {"run_id": 1})
    run_job("publish_lake", location=killed["location"], lake=killed["lake"])
    written = len(files(lake))
    assert read("unified_sales") == before
    with monkeypatch.context() as refusing:
        refuse_partitions(refusing)
        with pytest.raises(TransientError, match=r"did not switch 2024-01 \(InternalServiceException\)"):
            lake.call("switch_lake", {"run_id": 1, "prefix": killed["prefix"]})
    assert read("unified_sales") == before
    key = "lake/_published/unified_sales.json"
    recorded = lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read()
    # The next run plans anew; what the killed one wrote was never published.
    assert publish(lake, run_job) == {"unified_sales": 1}
    assert len(files(lake)) == written
    assert_lake_is_the_marts(lake)
    # As if the switch had been killed between the catalog and the record.
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=recorded)
    kept = files(lake)
    assert publish(lake, run_job) == {"unified_sales": 1}
    assert_lake_is_the_marts(lake)
    assert kept.items() <= files(lake).items(), "what the killed switch replaced stays for those who are reading it"
    assert len(read_published(lake.s3, lake.bucket, "unified_sales").replaced) == 2


def refuse_partitions(patch: pytest.MonkeyPatch) -> None:
    """A catalog that switches no partition, and says so as Glue does: in an answer, not by an error."""
    client = boto3.client
    detail = {"ErrorCode": "InternalServiceException", "ErrorMessage": "later"}

    def refused(Entries: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        return {"Errors": [{"PartitionValueList": one["PartitionValueList"], "ErrorDetail": detail} for one in Entries]}

    def made(service: str, **given: Any) -> Any:
        glue = client(service, **given)  # type: ignore[call-overload]
        glue.batch_update_partition = refused
        return glue

    patch.setattr(boto3, "client", made)


def test_a_type_that_the_lake_does_not_have_is_told_with_its_column(lake: Pipeline) -> None:
    lake.query("alter table marts.unified_sales add column ratio numeric")
    with pytest.raises(TerminalError, match="column ratio of mart unified_sales is numeric"):
        lake.call("plan_lake", {"run_id": 1})


def test_a_plan_that_was_not_written_is_not_switched(lake: Pipeline) -> None:
    planned = lake.call("plan_lake", {"run_id": 1})
    with pytest.raises(TerminalError, match="unified_sales: nothing was written of 2024-01, "):
        lake.call("switch_lake", {"run_id": 1, "prefix": planned["prefix"]})
    assert boto3.client("glue").get_tables(DatabaseName=DATABASE)["TableList"] == []


def test_rows_that_are_missing_in_what_was_exported_fail_the_job(lake: Pipeline, run_job: Job) -> None:
    planned = lake.call("plan_lake", {"run_id": 1})
    key = f"{planned['prefix']}plan.json"
    plan = json.loads(lake.s3.get_object(Bucket=lake.bucket, Key=key)["Body"].read())
    plan["marts"][0]["partitions"]["2024-01"]["rows"] += 1
    lake.s3.put_object(Bucket=lake.bucket, Key=key, Body=json.dumps(plan).encode())
    run = run_job("publish_lake", location=planned["location"], lake=planned["lake"])
    assert (run["JobRunState"], run["ErrorMessage"][:26]) == ("FAILED", "ValueError: unified_sales:")
