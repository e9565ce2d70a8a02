"""The ledger is a function of what was delivered, not of how it was registered or in which order it was loaded."""

import random
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.loaders.conftest import SALES, Pipeline

KEYS = ("sales_data.csv", "raw/sales/b.csv", "raw/sales/c.csv")
BODIES = {
    "one": SALES + b"1,a,b,c,2022-12-06\n",
    "two": SALES + b"1,a,b,c,2022-12-07\n2,a,b,c,x\n",
    "one with a reject": SALES + b"1,a,b,c,2022-12-06\n2,a\n",
    "without a record": SALES,
    "of another feed": b"no,such,header\n1,2,3\n",
    "an image": b"\x89PNG\r\n\x1a\n" + bytes(20),
}

drops = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(sorted(BODIES))), min_size=2, max_size=7)


@dataclass(frozen=True)
class Way:
    """How one set of drops is registered and loaded."""

    by_sweep: bool
    seed: int


ways = st.lists(st.builds(Way, st.booleans(), st.integers(0, 1 << 16)), min_size=2, max_size=2)


@settings(
    max_examples=8,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drops=drops, ways=ways)
def test_the_same_drops_end_in_the_same_ledger_and_raw_rows(
    pipeline: Pipeline, drops: list[tuple[str, str]], ways: list[Way]
) -> None:
    forget_bucket(pipeline)
    events = [pipeline.put(key, BODIES[body]) for key, body in drops]
    found = []
    for way in ways:
        forget_ledger(pipeline)
        process(pipeline, events, way)
        found.append(end_state(pipeline))
    assert found[0] == found[1]
    deliveries, contents, *_ = found[0]
    assert len(deliveries) == len(drops)
    assert all(loaded == 1 for _, loaded, _ in contents), "of several deliveries of one content, one landed it"


def process(pipeline: Pipeline, events: list[dict[str, Any]], way: Way) -> None:
    """Registers every drop, some of them twice, and loads them in some order, some of them twice."""
    chance = random.Random(way.seed)
    if way.by_sweep:
        pipeline.open(chance.choice([*events, None]), sweep=True)
    else:
        for event in chance.sample(events, len(events)) + chance.sample(events, 1):
            pipeline.open(event)
    deliveries = [row[0] for row in pipeline.query("select delivery_id from ops.deliveries")]
    for delivery in chance.sample(deliveries, len(deliveries)) + chance.sample(deliveries, 1):
        pipeline.load(delivery)


def end_state(pipeline: Pipeline) -> list[list[tuple[Any, ...]]]:
    """Deliveries and rows with the content in place of each id.

    Which of several deliveries of one content counts as `loaded` and which as `duplicate` is the one thing that the
    order decides: both hold the content, and what is current asks for nothing else.
    """
    return [
        pipeline.query(statement)
        for statement in (
            "select object_key, version_id, version_order, delivered_at, etag, bytes, content_sha256, error, "
            "load_id is not null, attempts, finished_at is not null "
            "from ops.deliveries order by object_key, version_order",
            "select content_sha256, count(*) filter (where status = 'loaded'), count(*) "
            "from ops.deliveries where load_id is not null group by 1 order by 1",
            "select deliveries.object_key, deliveries.version_order, loads.content_sha256 = deliveries.content_sha256 "
            "from ops.deliveries left join ops.loads using (load_id) order by 1, 2",
            "select feed, content_sha256, contract_version, records_read, records_loaded, records_rejected, "
            "blank_lines, route from ops.loads order by 1, 2",
            "select content_sha256, _row_number, transaction_id, product_id, quantity, price, transaction_date, _extra "
            "from raw.sales join ops.loads on _load_id = load_id order by 1, 2",
            "select content_sha256, row_number, line_number, byte_offset, byte_length, rule, message, raw_start "
            "from ops.rejects join ops.loads using (load_id) order by 1, 2",
        )
    ]


def forget_ledger(pipeline: Pipeline) -> None:
    for table in ("ops.deliveries", "ops.loads", "ops.rejects", "ops.runs", "raw.sales"):
        pipeline.query(f"delete from {table}")
    pipeline.query("update ops.lease set execution_arn = null, run_id = null, expires_at = null")


def forget_bucket(pipeline: Pipeline) -> None:
    for version in pipeline.s3.list_object_versions(Bucket=pipeline.bucket).get("Versions", []):
        pipeline.s3.delete_object(Bucket=pipeline.bucket, Key=version["Key"], VersionId=version["VersionId"])
