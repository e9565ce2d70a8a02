"""The job's own script on Sail and on real Spark 3.5.6, against a flattening that shares no code with it."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from loaders.contract import Contract, load_contracts
from loaders.nested.layout import layout_of
from loaders.parse import Lines, read_nested
from loaders.tables import raw_tables
from samples import make_samples
from tests.glue.engines import ENGINES, Engine
from tests.glue.nested import Tables, contract, flat_tables, in_order

TEXTS = [
    "",
    " ",
    "1.10",
    "1e400",
    "0.1000000000000000055511151231257827",
    "a\nb\t\"c'\\",
    "Zürich 😀\u2028",
    "null",
    "{}",
]


def some(rng: Random, make: Any) -> Any:
    """Mostly what `make` gives, sometimes null."""
    return None if rng.random() < 0.2 else make()


def text(rng: Random) -> Any:
    return some(rng, lambda: rng.choice(TEXTS))


def many(rng: Random, make: Any) -> Any:
    return some(rng, lambda: [make() for _ in range(rng.randrange(4))])


def record(rng: Random, number: int) -> dict[str, Any]:
    """A record as the split writes it; a member is now and then not there at all."""

    def parcel() -> Any:
        return some(
            rng,
            lambda: {
                "code": text(rng),
                "size": some(rng, lambda: {"kg": text(rng)}),
                "at": some(rng, lambda: {"stops": many(rng, lambda: text(rng))}),
                "scans": many(rng, lambda: some(rng, lambda: {"code": text(rng), "select": text(rng)})),
                "_extra": text(rng),
            },
        )

    members = {
        "id": text(rng),
        "name": text(rng),
        "head": some(rng, lambda: {"id": text(rng), "by": some(rng, lambda: {"whom": text(rng)})}),
        "parcels": many(rng, parcel),
        "tags": many(rng, lambda: text(rng)),
        "_extra": text(rng),
    }
    kept = {name: value for name, value in members.items() if rng.random() > 0.1}
    return {"_row_number": number, **kept}


def write(location: Path, feed: Contract, parts: Sequence[Sequence[dict[str, Any]]]) -> None:
    (location / "parts").mkdir(parents=True)
    (location / "layout.json").write_text(json.dumps(layout_of(feed)))
    for number, part in enumerate(parts, start=1):
        lines = "".join(json.dumps(one, ensure_ascii=number % 2 == 0) + "\n" for one in part)
        (location / "parts" / f"part-{number:05}.jsonl").write_text(lines)


def read(location: Path, feed: Contract) -> Tables:
    """The tables that a job wrote, with the columns that the raw tables have."""
    tables: Tables = {}
    for table in raw_tables(feed):
        names = [column.name for column in table.columns if column.name != "_load_id"]
        found = pq.read_table(location / "tables" / table.name, columns=names)
        assert [str(found.schema.field(column.name).type) for column in table.columns if column.name in names] == [
            {"text": "string", "bigint": "int64"}[column.type] for column in table.columns if column.name in names
        ]
        tables[table.name] = list(zip(*(found[name].to_pylist() for name in names), strict=True))
    return tables


def assert_same(found: Tables, expected: Tables) -> None:
    for name, rows in found.items():
        assert in_order(rows) == in_order(expected.get(name, [])), name


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_any_records_become_the_same_tables_on_both_engines(engine: Engine, tmp_path: Path) -> None:
    rng, feed = Random(5), contract()
    records = [record(rng, number) for number in range(1, 300)]
    location = tmp_path / "place"
    write(location, feed, [records[:150], records[150:]])
    arguments = ("--location", str(location), "--JOB_NAME", "any", "--job-bookmark-option", "job-bookmark-disable")
    done = engine.run("json_to_tabular", *arguments, home=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = flat_tables(feed, records)
    assert min(map(len, expected.values())) > 50
    assert_same(read(location, feed), expected)


def test_running_again_replaces_what_was_written(tmp_path: Path) -> None:
    make_samples(tmp_path, records={"orders": 300})
    orders = load_contracts()["orders"]
    with (tmp_path / "orders.json").open("rb") as stream:
        payload = b"".join(piece.payload for piece in read_nested(stream, "x.json", orders) if isinstance(piece, Lines))
    records = [json.loads(line) for line in payload.splitlines()]
    location = tmp_path / "place"
    write(location, orders, [records])
    for _ in range(2):
        assert ENGINES[0].run("json_to_tabular", "--location", str(location), home=tmp_path).returncode == 0
        assert_same(read(location, orders), flat_tables(orders, records))


def test_a_part_that_is_not_json_fails_the_job(tmp_path: Path) -> None:
    location = tmp_path / "place"
    write(location, contract(), [[{"_row_number": 1, "id": "1"}]])
    (location / "parts" / "part-00002.jsonl").write_text('{"_row_number": 2, "id": \n')
    done = ENGINES[0].run("json_to_tabular", "--location", str(location), home=tmp_path)
    assert done.returncode == 1
