"""A nested file through split, the real job, and landing: every record and every element once, or nothing at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from loaders import handler
from loaders.contract import load_contracts
from loaders.errors import TerminalError, TransientError
from tests.integration.loaders.conftest import Pipeline

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
