"""A nested file through split, the real job, and landing: every record and every element once, or nothing at all."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loaders import handler, ledger
from loaders.contract import load_contracts
from loaders.database import Cursor, transaction
from loaders.errors import DataError, TerminalError, TransientError
from loaders.ledger import Landed
from loaders.parse import Summary
from loaders.replays import land_again
from tests.integration.loaders.conftest import EXECUTION, Context, Pipeline

BAD = {
    2: (b'{"order_id": 2, "lines": 7}', "not_an_array"),
    4: (b'{"order_id": 4, "shipping": "by sea"}', "not_an_object"),
    5: (b'{"order_id": 5, "payments": [{"method": "card\\u0000"}]}', "nul"),
    7: (b'{"order_id": 7, "lines": [', "malformed"),
}


def order(number: int, lines: int = 2, **more: Any) -> bytes:
    made = [{"product_id": n, "quantity": n + 1, "unit_price": 1.10, "colour": "red"} for n in range(lines)]
    payments = [{"method": "card", "amount": 9.9}] if lines else None
    return json.dumps({"order_id": number, "lines": made, "payments": payments, **more}).encode()


@pytest.fixture
def flatten(run_job: Callable[..., dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    """Runs the job on a place; returns the run."""
    return lambda location: run_job("json_to_tabular", location=location)


def split(pipeline: Pipeline, delivery: int) -> dict[str, Any]:
    return pipeline.call("split", {"delivery_id": delivery, "run_id": None})


def land(pipeline: Pipeline, delivery: int, prefix: str) -> dict[str, Any]:
    return pipeline.call("land", {"delivery_id": delivery, "run_id": None, "prefix": prefix})


def work_of(pipeline: Pipeline) -> list[str]:
    found = pipeline.s3.list_objects_v2(Bucket=pipeline.bucket, Prefix="work/")
    return [one["Key"] for one in found.get("Contents", [])]


def rows(pipeline: Pipeline) -> list[int]:
    tables = ("raw.orders", "raw.orders__lines", "raw.orders__payments", "ops.loads", "ops.rejects", "ops.load_arrays")
    return [pipeline.query(f"select count(*) from {table}")[0][0] for table in tables]


def test_the_good_records_land_with_their_elements_and_the_bad_ones_are_listed(
    pipeline: Pipeline, flatten: Callable[[str], dict[str, Any]]
) -> None:
    lines = [BAD[number][0] if number in BAD else order(number, number % 3, new={"a": 1}) for number in range(1, 9)]
    delivery = pipeline.deliver("orders.jsonl", b"\n".join(lines))
    made = split(pipeline, delivery)
    assert (made["outcome"], pipeline.status(delivery), rows(pipeline)) == ("split", "pending", [0] * 6)
    # Twice: a run that is tried again replaces what the first one wrote.
    assert [flatten(made["location"])["JobRunState"] for _ in range(2)] == ["SUCCEEDED"] * 2
    landed = land(pipeline, delivery, made["prefix"])
    assert [landed[f"records_{what}"] for what in ("read", "loaded", "rejected")] == [8, 4, 4]
    assert pipeline.query("select row_number, rule from ops.rejects order by 1") == [
        (number, rule) for number, (_, rule) in BAD.items()
    ]
    assert pipeline.query("select order_id, _row_number, _extra from raw.orders order by 2") == [
        (str(number), number, '{"new":{"a":1}}') for number in (1, 3, 6, 8)
    ]
    found = pipeline.query(
        "select order_id, product_id, quantity, unit_price, _load_id, _row_number, _position, _extra "
        "from raw.orders__lines order by _row_number, _position"
    )
    assert found == [
        (str(number), str(n), str(n + 1), "1.1", landed["load_id"], number, n + 1, '{"colour":"red"}')
        for number in (1, 8)
        for n in range(number % 3)
    ]
    assert pipeline.query("select table_name, elements, rows_loaded from ops.load_arrays order by 1") == [
        ("orders__lines", 3, 3),
        ("orders__payments", 2, 2),
    ]
    assert pipeline.query("select route from ops.loads") == [("glue",)]
    assert work_of(pipeline) == []


def test_a_file_of_which_every_record_is_rejected_lands_them_as_rejects(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("orders.jsonl", b"\n".join(record for record, _ in BAD.values()))
    made = split(pipeline, delivery)
    assert [key for key in work_of(pipeline) if "/parts/" in key], "Spark wants something to read"
    landed = land(pipeline, delivery, made["prefix"])
    assert (landed["status"], landed["records_loaded"], landed["records_rejected"]) == ("loaded", 0, 4)
    assert rows(pipeline) == [0, 0, 0, 1, 4, 2]


def test_landing_again_and_the_same_content_again_land_nothing(
    pipeline: Pipeline, flatten: Callable[[str], dict[str, Any]]
) -> None:
    body = b"[" + b",".join(order(number) for number in range(1, 4)) + b"]"
    first, second = pipeline.deliver("orders.json", body), pipeline.deliver("orders-again.json", body)
    made, late = split(pipeline, first), split(pipeline, second)
    for place in (made, late):
        flatten(place["location"])
    landed = land(pipeline, first, made["prefix"])
    assert land(pipeline, first, made["prefix"]) == landed
    assert land(pipeline, second, late["prefix"])["status"] == "duplicate"
    third = pipeline.deliver("orders-third.json", body)
    assert split(pipeline, third)["outcome"] == "settled"
    assert (pipeline.status(third), rows(pipeline)) == ("duplicate", [3, 6, 3, 1, 0, 2])
    assert work_of(pipeline) == []


def test_tables_that_are_not_what_was_counted_do_not_land(
    pipeline: Pipeline, flatten: Callable[[str], dict[str, Any]]
) -> None:
    delivery = pipeline.deliver("orders.json", order(1))
    made = split(pipeline, delivery)
    flatten(made["location"])
    event = {"delivery_id": delivery, "run_id": None, "prefix": made["prefix"]}
    with pytest.raises(TerminalError, match="time ran out after 0 rows of orders; nothing of it landed"):
        pipeline.call("land", event, Context(remaining_milliseconds=5_000))
    [payments] = [key for key in work_of(pipeline) if "tables/orders__payments" in key]
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key=payments)
    with pytest.raises(TerminalError, match=r"orders__payments: 0 rows of 1\); nothing of it landed"):
        land(pipeline, delivery, made["prefix"])
    assert (pipeline.status(delivery), rows(pipeline)) == ("pending", [0] * 6)


def test_a_place_that_is_gone_leaves_the_delivery_for_the_next_run(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("orders.json", order(1))
    with pytest.raises(TransientError, match="is gone -> try again"):
        land(pipeline, delivery, "work/nested/1/gone/")
    assert pipeline.status(delivery) == "pending"


def test_a_contract_that_changed_meanwhile_leaves_the_delivery_for_the_next_run(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = pipeline.deliver("orders.json", order(1))
    made = split(pipeline, delivery)
    newer = {feed: replace(contract, version="9.9.9") for feed, contract in load_contracts().items()}
    monkeypatch.setattr(handler, "load_contracts", lambda: newer)
    with pytest.raises(TransientError, match="the contract has changed meanwhile"):
        land(pipeline, delivery, made["prefix"])
    assert pipeline.status(delivery) == "pending"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"[]", "holds no record", id="empty"),
        pytest.param(b"order_id,customer_id\n1,2\n", "named as JSON but begins with", id="CSV"),
        pytest.param(order(1)[:-9], "ends in the middle of a value", id="cut off"),
        pytest.param(b'{"id": 1}', "no record has order_id", id="another feed"),
    ],
)
def test_a_file_that_cannot_be_read_fails_and_leaves_nothing_behind(
    pipeline: Pipeline, body: bytes, reason: str
) -> None:
    delivery = pipeline.deliver("orders.json", body)
    settled = split(pipeline, delivery)
    assert (settled["outcome"], settled["status"]) == ("settled", "failed")
    assert reason in settled["error"]
    assert work_of(pipeline) == []


@pytest.mark.parametrize("entry", ["load", "split"])
def test_a_file_over_the_limit_of_its_way_is_refused_before_it_is_read(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    name = {"load": "sales_data.csv", "split": "orders.json"}[entry]
    delivery = pipeline.deliver(name, order(1))
    monkeypatch.setenv("MAX_BYTES", "50")
    refused = pipeline.call(entry, {"delivery_id": delivery, "run_id": None})
    assert refused["status"] == "failed"
    assert "bytes, 50 are allowed on its way -> drop it in parts" in refused["error"]


def test_a_round_says_which_way_each_delivery_goes(pipeline: Pipeline) -> None:
    flat, nested = pipeline.deliver("sales_data.csv", b"x"), pipeline.deliver("orders.json", order(1))
    run_id = pipeline.query("select run_id from ops.lease")[0][0]
    assert pipeline.call("next_round", {"run_id": run_id, "round": 1})["deliveries"] == [
        {"delivery_id": flat, "route": "lambda"},
        {"delivery_id": nested, "route": "glue"},
    ]


def test_the_lambda_leaves_a_nested_file_to_glue(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("orders.json", order(1))
    with pytest.raises(TransientError, match="goes by way of Glue"):
        pipeline.load(delivery)
    assert pipeline.status(delivery) == "pending"


def test_a_failed_nested_file_is_replayed_by_the_next_run(pipeline: Pipeline) -> None:
    delivery = pipeline.deliver("orders.json", b"[]")
    assert split(pipeline, delivery)["status"] == "failed"
    assert pipeline.call("replay", {"object_key": "orders.json"})["status"] == "pending"
    assert pipeline.status(delivery) == "pending"


def enter(pipeline: Pipeline, body: bytes) -> int:
    """Delivers a file and writes it down as load 1, as if it had landed by way of Glue; returns the delivery."""
    delivery = pipeline.deliver("orders.json", body)
    sha256 = hashlib.sha256(body).hexdigest()
    for statement in (
        "insert into ops.loads (load_id, feed, content_sha256, contract_version, records_read, records_loaded,"
        f" records_rejected, route) values (1, 'orders', '{sha256}', '1', 1, 1, 0, 'glue')",
        "insert into ops.load_arrays values (1, 'orders__lines', 1, 1), (1, 'orders__payments', 0, 0)",
        "insert into raw.orders (order_id, _load_id, _row_number) values ('1', 1, 1)",
        "insert into raw.orders__lines (order_id, _load_id, _row_number, _position) values ('1', 1, 1, 1)",
        f"update ops.deliveries set status = 'loaded', load_id = 1, content_sha256 = '{sha256}', finished_at = now()",
    ):
        pipeline.query(statement)
    return delivery


def contents(pipeline: Pipeline) -> list[Any]:
    """Everything landed and counted; not when it landed or was finished."""
    return [
        pipeline.query(statement)
        for statement in (
            "select * from raw.orders order by _load_id, _row_number",
            "select * from raw.orders__lines order by _load_id, _row_number, _position",
            "select * from raw.orders__payments order by _load_id, _row_number, _position",
            "select * from ops.rejects order by load_id, row_number",
            "select * from ops.load_arrays order by load_id, table_name",
            "select load_id, feed, content_sha256, contract_version, records_read, records_loaded, records_rejected,"
            " blank_lines, route from ops.loads order by load_id",
            "select delivery_id, status, load_id, content_sha256, attempts, error, run_id from ops.deliveries"
            " order by delivery_id",
        )
    ]


def to_do(pipeline: Pipeline, run_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pipeline.call("next_round", {"run_id": run_id, "round": 1})["deliveries"]
    return found


def test_a_replay_lands_in_place_of_its_load_in_the_next_run_and_what_had_landed_stays_until_then(
    pipeline: Pipeline, flatten: Callable[[str], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b"\n".join(BAD[number][0] if number in BAD else order(number) for number in range(1, 9))
    delivery = pipeline.deliver("orders.jsonl", body)
    made = split(pipeline, delivery)
    flatten(made["location"])
    first = land(pipeline, delivery, made["prefix"])
    pipeline.query(
        "insert into raw.orders__lines select order_id, product_id, quantity, unit_price, 99, 1, 1 from"
        " raw.orders__lines limit 1"
    )
    whole = contents(pipeline)
    # What an earlier loader got wrong, with tables of its own for what the contract no longer knows.
    pipeline.query("delete from raw.orders where _row_number = 3")
    pipeline.query("delete from raw.orders__lines where _load_id = %s and _position = 2", first["load_id"])
    pipeline.query("update ops.rejects set rule = 'other'")
    pipeline.query("create table raw.orders__gone (_load_id bigint); insert into raw.orders__gone values (99)")
    pipeline.query("insert into raw.orders__gone values (%s)", first["load_id"])
    pipeline.query("insert into ops.load_arrays values (%s, 'orders__gone', 1, 1)", first["load_id"])
    wrong = contents(pipeline)
    [[loaded_at]] = pipeline.query("select loaded_at from ops.loads")

    asked = pipeline.call("replay", {"load_id": first["load_id"]})
    assert (asked["status"], asked["load_id"], asked["redshift_error"]) == ("pending", first["load_id"], None)
    run = pipeline.open()["run_id"]
    assert to_do(pipeline, run) == [{"delivery_id": delivery, "route": "glue"}]
    made = split(pipeline, delivery)
    flatten(made["location"])
    [payments] = [key for key in work_of(pipeline) if "tables/orders__payments" in key]
    hidden = pipeline.s3.get_object(Bucket=pipeline.bucket, Key=payments)["Body"].read()
    pipeline.s3.delete_object(Bucket=pipeline.bucket, Key=payments)
    with pytest.raises(TerminalError, match="nothing of it landed"):
        land(pipeline, delivery, made["prefix"])
    assert contents(pipeline) == wrong, "what had landed stays until all of the new is there"
    pipeline.s3.put_object(Bucket=pipeline.bucket, Key=payments, Body=hidden)

    pipeline.query("update ops.runs set built_through = clock_timestamp() at time zone 'utc'")
    event = {"delivery_id": delivery, "run_id": run, "prefix": made["prefix"]}
    again = pipeline.call("land", event)
    assert again == first
    assert contents(pipeline) == whole
    assert pipeline.query("select * from raw.orders__gone") == [(99,)]
    assert pipeline.query("select loaded_at > %s from ops.loads", loaded_at) == [(True,)], "the models see it"
    assert pipeline.call("land", event) == again, "landing again lands nothing"
    assert (contents(pipeline), to_do(pipeline, run), work_of(pipeline)) == (whole, [], [])
    assert pipeline.query("select status, attempts, run_id, load_id from ops.replays") == [
        ("loaded", 1, run, first["load_id"])
    ]
    assert pipeline.call("needs_build", {"run_id": run, "round": 1})["build"] == "yes"
    closed = pipeline.call("close_run", {"run_id": run, "execution_arn": EXECUTION, "round": 1, "built": True})
    assert (closed["outcome"], closed["files"], closed["records_loaded"]) == ("closed", 1, 4)


def test_a_run_does_not_end_before_a_replay_that_was_asked_for_while_it_ran(pipeline: Pipeline) -> None:
    delivery = enter(pipeline, order(1))
    run = pipeline.open()["run_id"]
    close = {"run_id": run, "execution_arn": EXECUTION, "round": 1, "built": False}
    pipeline.call("replay", {"object_key": "orders.json"})
    assert pipeline.call("needs_build", {"run_id": run, "round": 1})["build"] == "more"
    assert pipeline.call("close_run", close)["outcome"] == "more"
    failure = {"delivery_id": delivery, "run_id": run, "error": "States.TaskFailed", "cause": "lost"}
    assert pipeline.call("record_failure", failure)["status"] == "pending"
    assert to_do(pipeline, run) == [], "a run tries it once"
    assert pipeline.call("close_run", close)["outcome"] == "closed"


def test_a_replay_that_is_asked_for_again_while_it_is_under_way_begins_anew(pipeline: Pipeline) -> None:
    delivery = enter(pipeline, order(1))
    run = pipeline.open()["run_id"]
    before = contents(pipeline)
    pipeline.call("replay", {"object_key": "orders.json"})
    event = {"delivery_id": delivery, "run_id": run}
    made = pipeline.call("split", event)
    pipeline.call("replay", {"load_id": 1})
    settled = pipeline.call("land", event | {"prefix": made["prefix"]})
    assert (settled["status"], contents(pipeline), work_of(pipeline)) == ("pending", before, [])
    assert [one["delivery_id"] for one in to_do(pipeline, run)] == [delivery], "the same run takes it again"


def test_a_replay_that_is_asked_for_while_the_other_one_lands_is_still_to_be_done(pipeline: Pipeline) -> None:
    delivery = enter(pipeline, order(1))
    run = pipeline.open()["run_id"]
    pipeline.call("replay", {"load_id": 1})

    def copy_while_somebody_asks(cursor: Cursor, load_id: int) -> Landed:
        pipeline.query("update ops.replays set requested_at = clock_timestamp() at time zone 'utc'")
        return Landed(hashlib.sha256(order(1)).hexdigest(), Summary(), "glue")

    with transaction(handler._connection()) as cursor:
        found = ledger.find_delivery(cursor, delivery)
        land_again(cursor, found, 1, load_contracts()["orders"], run, copy_while_somebody_asks)
    assert rows(pipeline) == [0, 0, 0, 1, 0, 0]
    assert [one["delivery_id"] for one in to_do(pipeline, run)] == [delivery]


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        pytest.param("contract", "its way -> drop it in parts", id="refused by today's limits"),
        pytest.param("version", "is gone from bucket", id="version gone since"),
        pytest.param("worker", "States.TaskFailed: lost", id="failed five times"),
    ],
)
def test_a_replay_that_fails_leaves_what_had_landed_and_is_told(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, cause: str, reason: str
) -> None:
    delivery = enter(pipeline, order(1))
    before = contents(pipeline)
    pipeline.call("replay", {"load_id": 1})
    event = {"delivery_id": delivery, "run_id": None}
    if cause == "contract":
        monkeypatch.setenv("MAX_BYTES", "50")
        answer = pipeline.call("split", event)
    elif cause == "version":
        [[version]] = pipeline.query("select version_id from ops.deliveries")
        pipeline.s3.delete_object(Bucket=pipeline.bucket, Key="orders.json", VersionId=version)
        answer = pipeline.call("split", event)
        with pytest.raises(DataError, match="is gone from bucket"):
            pipeline.call("replay", {"load_id": 1})
    else:
        failure = event | {"error": "States.TaskFailed", "cause": "lost"}
        answers = [pipeline.call("record_failure", failure) for _ in range(5)]
        assert [one["status"] for one in answers] == [*["pending"] * 4, "failed"]
        answer = answers[-1]
    assert (answer["status"], reason in answer["error"]) == ("failed", True)
    assert "Load 1, which it landed before, is as it was." in answer["notice"]["message"]
    assert contents(pipeline) == before
    assert to_do(pipeline, pipeline.open()["run_id"]) == []


def test_a_nested_load_is_replayed_at_once_when_its_contract_nests_no_arrays_any_more(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(pipeline, order(1, shipping={"city": "Graz"}))
    pipeline.call("replay", {"load_id": 1})
    contracts = dict(load_contracts())
    contracts["orders"] = replace(contracts["orders"], arrays=(), version="2.0.0")
    monkeypatch.setattr(handler, "load_contracts", lambda: contracts)
    run = pipeline.open()["run_id"]
    assert [one["route"] for one in to_do(pipeline, run)] == ["lambda"], "the run that was to land it does so, too"
    again = pipeline.call("replay", {"load_id": 1})
    assert (again["status"], again["records_loaded"]) == ("loaded", 1)
    assert rows(pipeline) == [1, 0, 0, 1, 0, 0]
    assert pipeline.query("select route, contract_version from ops.loads") == [("lambda", "2.0.0")]
    assert pipeline.query("select shipping_city from raw.orders") == [("Graz",)]
    assert to_do(pipeline, run) == []
