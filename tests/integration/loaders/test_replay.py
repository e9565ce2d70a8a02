"""A replay lands a delivery again in place of its load, and leaves everything as it was when it cannot."""

from typing import Any

import pytest

from loaders.errors import DataError, TerminalError
from tests.integration.loaders.conftest import EXECUTION, SALES, Pipeline

BODY = SALES + b'1,2,3,4,2022-12-06\n2,2,3\n\n3,"a,b",3,4,x\n'


def tables(pipeline: Pipeline) -> list[Any]:
    """Everything landed and counted; not when it landed or was finished."""
    return [
        pipeline.query(statement)
        for statement in (
            "select * from raw.sales order by _load_id, _row_number",
            "select * from ops.rejects order by load_id, row_number",
            "select load_id, feed, content_sha256, contract_version, records_read, records_loaded, records_rejected,"
            " blank_lines, route from ops.loads order by load_id",
            "select delivery_id, status, load_id, content_sha256, attempts, error from ops.deliveries order by 1",
        )
    ]


def test_replaying_any_number_of_times_gives_the_same_tables(pipeline: Pipeline) -> None:
    loaded = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"9,9,9,9,9\n"))
    before = tables(pipeline)
    for _ in range(3):
        assert pipeline.call("replay", {"load_id": loaded["load_id"]}) == {**loaded, "redshift_error": None}
        assert tables(pipeline) == before
    written = pipeline.query("select load_id, status, attempts, run_id, finished_at >= requested_at from ops.replays")
    assert written == [(loaded["load_id"], "loaded", 1, None, True)]


def test_replaying_a_key_replays_its_newest_version(pipeline: Pipeline) -> None:
    pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    newest = pipeline.load(pipeline.deliver("sales_data.csv", SALES + b"9,9,9,9,9\n"))
    assert pipeline.call("replay", {"object_key": "sales_data.csv"}) == {**newest, "redshift_error": None}


def test_a_replay_mends_rows_and_counts_and_tells_todays_contract(pipeline: Pipeline) -> None:
    loaded = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    before = tables(pipeline)
    pipeline.query("delete from raw.sales where transaction_id = '3'")
    pipeline.query("delete from ops.rejects")
    pipeline.query(
        "update ops.loads set contract_version = '0', records_read = 1, records_loaded = 1, records_rejected = 0"
    )
    pipeline.call("replay", {"load_id": loaded["load_id"]})
    assert tables(pipeline) == before


def test_a_replayed_duplicate_replays_the_load_that_holds_its_content(pipeline: Pipeline) -> None:
    first = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    pipeline.load(pipeline.deliver("raw/sales/again.csv", BODY))
    before = tables(pipeline)
    again = pipeline.call("replay", {"object_key": "raw/sales/again.csv"})
    assert (again["status"], again["load_id"]) == ("duplicate", first["load_id"])
    assert tables(pipeline) == before


def test_a_failed_delivery_is_loaded_as_a_run_would(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("sales_data.csv", BODY)
    pipeline.call(
        "record_failure", {"delivery_id": delivery, "run_id": None, "error": "TerminalError", "cause": "no table"}
    )
    assert pipeline.status(delivery) == "failed"
    again = pipeline.call("replay", {"object_key": "sales_data.csv"})
    assert (again["status"], again["records_loaded"], again["records_rejected"], again["error"]) == (
        "loaded",
        2,
        1,
        None,
    )


def test_a_version_that_is_gone_is_refused_and_its_rows_stay(pipeline: Pipeline) -> None:
    loaded = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    before = tables(pipeline)
    version = pipeline.query("select version_id from ops.deliveries")[0][0]
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="sales_data.csv", VersionId=version)
    with pytest.raises(DataError, match=rf"version {version} is gone from bucket"):
        pipeline.call("replay", {"load_id": loaded["load_id"]})
    assert tables(pipeline) == before


def test_a_version_of_another_content_is_refused_and_its_rows_stay(pipeline: Pipeline) -> None:
    loaded = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    pipeline.query("update ops.loads set content_sha256 = 'other'")
    before = tables(pipeline)
    with pytest.raises(TerminalError, match=f"does not hold what load {loaded['load_id']} landed"):
        pipeline.call("replay", {"load_id": loaded["load_id"]})
    assert tables(pipeline) == before


@pytest.mark.parametrize("event", [{"load_id": 77}, {"object_key": "nothing.csv"}], ids=["load", "key"])
def test_what_was_never_delivered_is_refused(pipeline: Pipeline, event: dict[str, Any]) -> None:
    with pytest.raises(TerminalError, match="there is no"):
        pipeline.call("replay", event)


def test_marts_are_built_again_after_a_replay(pipeline: Pipeline) -> None:
    loaded = pipeline.load(pipeline.deliver("sales_data.csv", BODY))
    run = pipeline.query("select run_id from ops.lease")[0][0]
    assert pipeline.call("needs_build", {"run_id": run, "round": 1})["build"] == "yes"
    pipeline.query("update ops.runs set built_through = build_started_at where run_id = %s", run)
    assert pipeline.call("needs_build", {"run_id": run, "round": 1})["build"] == "no"
    pipeline.call("replay", {"load_id": loaded["load_id"]})
    assert pipeline.call("needs_build", {"run_id": run, "round": 1})["build"] == "yes"
    closed = pipeline.call("close_run", {"run_id": run, "execution_arn": EXECUTION, "round": 1, "built": True})
    assert closed["files"] == 0, "neither was the run's"
