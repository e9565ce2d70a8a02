"""The jobs' own scripts on Sail and on real Spark 3.5.6, against counts that share no code with them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
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
    "Zürich 😀\u2028\u0085\x1c\r",
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


UNKNOWN = ["un/known é", "..", "a=b%2F:\n\t\"'\\", " x ", "null", "__HIVE_DEFAULT_PARTITION__", "é" * 32, "?" * 64]
"""Partitions: a currency code may be any text."""

COLUMNS = {
    "id": "bigint",
    "units": "int",
    "amount": "decimal(18,4)",
    "rate": "decimal(24,10)",
    "sold_on": "date",
    "is_odd": "boolean",
    "name": "string",
}


def mart_rows(rng: Random) -> list[tuple[Any, ...]]:
    """Rows as they are expected in the lake, their partition last."""
    days = [date(2024, 1, 1) + timedelta(n) for n in range(90)]
    days += [date(1, 1, 1), date(1582, 10, 10), date(1899, 12, 31), date(9999, 12, 31)] * 5
    rows = []
    for number in rng.sample(range(-(10**18), 10**18), 500):
        day = some(rng, lambda: rng.choice(days))
        values = (
            some(rng, lambda: rng.randrange(-(2**31), 2**31)),
            some(rng, lambda: Decimal(rng.randrange(-(10**17), 10**17)).scaleb(-4)),
            some(rng, lambda: Decimal(rng.randrange(10**23)).scaleb(-10)),
            day,
            some(rng, lambda: rng.random() < 0.5),
            text(rng),
        )
        rows.append((number, *values, day.strftime("%Y-%m") if day else rng.choice(UNKNOWN)))
    return rows


def exported(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """The rows as the plan exports them: all text, as PostgreSQL writes it."""

    def written(value: Any) -> str | None:
        if isinstance(value, bool):
            return str(value).lower()
        return None if value is None else f"{value:f}" if isinstance(value, Decimal) else str(value)

    columns = zip(*rows, strict=True)
    names = [*COLUMNS, "month"]
    return pa.table({n: pa.array(map(written, values), pa.string()) for n, values in zip(names, columns, strict=True)})


@dataclass(frozen=True)
class Ran:
    """What both jobs were given, where their output lies, and what they logged."""

    engine: Engine
    records: list[dict[str, Any]]
    nested: Path
    mart: list[tuple[Any, ...]]
    lake: Path
    log: list[dict[str, Any]]


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.name)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Both jobs run by one engine, with arguments as Glue gives them."""
    engine: Engine = request.param
    rng, home = Random(5), tmp_path_factory.mktemp(engine.name)
    records, mart = [record(rng, number) for number in range(1, 300)], mart_rows(rng)
    write(home / "nested", contract(), [records[:150], records[150:]])
    write(home / "empty", contract(), [[]])
    months: dict[str, int] = {}
    for row in mart:
        months[row[-1]] = months.get(row[-1], 0) + 1
    plan = {
        "name": "things",
        "partition": "month",
        "sort": ["id"],
        "columns": COLUMNS,
        "target": "lake/things/1/",
        "partitions": {month: {"rows": count, "fingerprint": ""} for month, count in months.items()},
        "gone": [],
    }
    (home / "export" / "things").mkdir(parents=True)
    pq.write_table(exported(mart), home / "export" / "things" / "00000.parquet")
    (home / "export" / "plan.json").write_text(json.dumps({"marts": [plan]}))
    ids = ("--JOB_NAME", "any", "--job-bookmark-option", "none", "--run-id", "7")
    done = engine.run(
        ("json_to_tabular", "--location", str(home / "nested"), *ids, "--delivery-id", "3"),
        ("publish_lake", "--location", str(home / "export"), "--lake", f"{home}/", *ids),
        ("json_to_tabular", "--location", str(home / "empty")),
        home=home,
    )
    assert [one.returncode for one in done] == [0] * len(done), [one.stderr[-2000:] for one in done]
    log = [json.loads(line) for one in done for line in one.stdout.splitlines() if line.startswith("{")]
    return Ran(engine, records, home / "nested", mart, home / "lake" / "things" / "1", log)


def test_any_records_become_the_same_tables_on_both_engines(ran: Ran) -> None:
    expected = flat_tables(contract(), ran.records)
    assert min(map(len, expected.values())) > 50
    assert_same(read(ran.nested, contract()), expected)


def test_a_file_of_which_every_record_was_rejected_becomes_no_rows_on_both_engines(ran: Ran) -> None:
    files = list((ran.nested.parent / "empty" / "tables").rglob("*.parquet"))
    assert sum(pq.ParquetFile(file).metadata.num_rows for file in files) == 0


def test_a_mart_becomes_one_file_per_partition_of_the_same_values_on_both_engines_sorted_on_spark(ran: Ran) -> None:
    found: list[tuple[Any, ...]] = []
    for directory in ran.lake.glob("month=*"):
        [file] = directory.glob("*.parquet")
        table = pq.ParquetFile(file).read()
        assert table.schema.names == list(COLUMNS)
        # Sail leaves out a sort that no later step asks for.
        assert ran.engine.name == "sail" or table["id"].to_pylist() == sorted(table["id"].to_pylist())
        month = unquote(directory.name.partition("=")[2])
        found += [(*row, month) for row in zip(*(table[name].to_pylist() for name in COLUMNS), strict=True)]
    assert in_order(found) == in_order(ran.mart)


def test_every_line_of_a_jobs_log_has_the_ids_of_its_work(ran: Ran) -> None:
    feed = contract()
    written = [line["table"] for line in ran.log if line["message"] == "table written"]
    assert written == [table.name for table in raw_tables(feed)] * 2
    of_files = [line for line in ran.log if line["service"] == "json_to_tabular" and line.get("run_id")]
    assert {(line["run_id"], line["delivery_id"], line["feed"]) for line in of_files} == {(7, 3, feed.feed)}
    (of_the_mart,) = [line for line in ran.log if line["service"] == "publish_lake"]
    assert (of_the_mart["run_id"], of_the_mart["mart"], of_the_mart["rows"]) == (7, "things", len(ran.mart))


def test_running_again_replaces_what_was_written(tmp_path: Path) -> None:
    make_samples(tmp_path, records={"orders": 300})
    orders = load_contracts()["orders"]
    with (tmp_path / "orders.json").open("rb") as stream:
        payload = b"".join(piece.payload for piece in read_nested(stream, "x.json", orders) if isinstance(piece, Lines))
    records = [json.loads(line) for line in payload.splitlines()]
    location = tmp_path / "place"
    write(location, orders, [records])
    job = ("json_to_tabular", "--location", str(location))
    assert [one.returncode for one in ENGINES[0].run(job, job, home=tmp_path)] == [0, 0]
    assert_same(read(location, orders), flat_tables(orders, records))


def test_a_part_that_is_not_json_fails_the_job(tmp_path: Path) -> None:
    location = tmp_path / "place"
    write(location, contract(), [[{"_row_number": 1, "id": "1"}]])
    (location / "parts" / "part-00002.jsonl").write_text('{"_row_number": 2, "id": \n')
    [done] = ENGINES[0].run(("json_to_tabular", "--location", str(location)), home=tmp_path)
    assert done.returncode == 1
