"""The same deliveries give the same marts in both databases, row for row, with types of the same family."""

import csv
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from loaders.redshift import connected
from localcloud.postgres import USER
from localcloud.settings import PROJECT
from tests.dbt.comparison import FEEDS
from tests.dbt.histories import NUMBERS, START, random_record
from tests.redshift.conftest import Warehouses, body_of
from tests.redshift.endpoint import real_endpoint

COMMANDS = Path(__file__).with_name("run_dbt.py")
EVERY = (*FEEDS, "orders")
BUILT = ("staging", "intermediate", "marts")
TEXTS = ["Löffel", "日本語", 'say "x"', "a\\nb", "tab\there", "x" * 300, "'", " n/a ", "é" * 200]
FAMILIES = {"text": "character varying"}
"""Types of PostgreSQL that have another name in Redshift."""


def random_file(feed: str, dice: random.Random) -> tuple[str, bytes]:
    """A small file of a feed, CSV or JSON, with odd texts, fields nobody knows and records that cannot be read."""
    make = random_order if feed == "orders" else partial(random_record, feed)
    records: list[dict[str, Any]] = [make(dice) for _ in range(dice.randint(1, 8))]
    for record in records:
        if dice.random() < 0.3:
            # Of an order it may be an array, which then cannot be read.
            record[dice.choice(list(record))] = dice.choice(TEXTS)
    if feed == "orders" or dice.random() < 0.5:
        if dice.random() < 0.3:
            records[0]["Remark"] = dice.choice(TEXTS)
        return "json", body_of(records)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    broken = "too,few\n" if dice.random() < 0.4 else ""
    return "csv", (text.getvalue() + broken).encode()


def random_order(dice: random.Random) -> dict[str, Any]:
    """An order with the same kinds of values, some of its arrays empty, null or not there."""

    def some(make: Callable[[], dict[str, Any]]) -> list[dict[str, Any]] | None:
        return None if dice.random() < 0.1 else [make() for _ in range(dice.randint(0, 3))]

    def line() -> dict[str, Any]:
        product_id, number, price = dice.choices(NUMBERS, k=3)
        return {"product_id": product_id, "quantity": number, "unit_price": price, dice.choice(["note", "Note"]): price}

    def payment() -> dict[str, Any]:
        return {"method": dice.choice(["card", " Voucher", "cash", *TEXTS]), "amount": dice.choice([*NUMBERS, 1.5])}

    order: dict[str, Any] = {
        "order_id": dice.choice(["1", 2, 3, "4", 5, 6, 7, 8, "", "k"]),
        "customer_id": dice.choice(NUMBERS),
        "placed_at": dice.choice(["2026-01-05T10:00:00Z", "2026-01-05 23:59:59", "", "2027-01-01T00:00:00Z", "x"]),
        "shipping": dice.choice(
            [None, {"method": "Express", "city": dice.choice(TEXTS), "cost": dice.choice(NUMBERS)}]
        ),
        "lines": some(line),
        "payments": some(payment),
    }
    if dice.random() < 0.1:
        del order[dice.choice(["lines", "payments", "shipping"])]
    return order


def deliver(warehouses: Warehouses, dice: random.Random, files: int) -> None:
    """Drops files of any feed, new and rewritten and repeated, dated back and forth, and loads them."""
    known: list[tuple[str, str, bytes]] = []
    nested: list[int] = []
    for feed in [*EVERY, *dice.choices(EVERY, k=files - len(EVERY))]:
        kind, body = random_file(feed, dice)
        if known and dice.random() < 0.2:
            feed, kind, body = dice.choice(known)
        known.append((feed, kind, body))
        delivered_at = (START + timedelta(days=dice.randint(0, 12))).isoformat()
        name = dice.choice(["a", "B", "ä", "it's"])
        delivery = warehouses.deliver(f"raw/{feed}/{name}.{kind}", body, delivered_at=delivered_at)
        if feed == "orders":
            nested.append(delivery)
        else:
            warehouses.load(delivery)
    warehouses.land_nested(*nested)


class Dbt:
    """One process that builds both, from the environment in which CodeBuild builds them."""

    def __init__(self, warehouses: Warehouses, work: Path) -> None:
        settings = warehouses.postgres.settings
        self._work, self._output = work, work / "output"
        environment = {
            **os.environ,
            "RDS_HOST": "127.0.0.1",
            "RDS_PORT": str(settings.postgres_port),
            "RDS_USER": USER,
            "RDS_PASSWORD": settings.postgres_password,
            "RDS_DBNAME": warehouses.database,
            "RDS_SSLMODE": "disable",
            **warehouses.endpoint.environment,
            "XTAGE_BUILDER": "the pipeline",
        }
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, COMMANDS],
                cwd=PROJECT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
            )

    def __enter__(self) -> "Dbt":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def __call__(self, target: str, command: str) -> None:
        """Runs a command on one of the two; fails with dbt's own words."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        place = ["--target-path", str(self._work / target), "--log-path", str(self._work), "--log-level-file", "none"]
        self._process.stdin.write(json.dumps([command, "--no-use-colors", "--target", target, *place]) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "null\n", self._output.read_text()[-8000:]


Relation = tuple[list[tuple[Any, ...]], list[str]]
"""Columns with their types, in their order, and the sorted rows."""


def built(cursor: Any, catalog: str) -> dict[str, Relation]:
    """Every relation that dbt has made in a database, by a view of all its columns."""
    schemas = ", ".join(f"'{schema}'" for schema in BUILT)
    cursor.execute(
        "select table_schema, table_name, column_name, data_type, numeric_precision, numeric_scale "
        f"from {catalog} where table_schema in ({schemas}) order by 1, 2, ordinal_position"
    )
    relations: dict[str, list[tuple[Any, ...]]] = {}
    for schema, name, column, kind, precision, scale in cursor.fetchall():
        decimals = (precision, scale) if kind == "numeric" else ()
        relations.setdefault(f'{schema}."{name}"', []).append((column, FAMILIES.get(kind, kind), *decimals))
    found: dict[str, Relation] = {}
    for relation, columns in relations.items():
        names = ", ".join(f'"{column[0]}"' for column in columns)
        cursor.execute(f"select {names} from {relation}")
        found[relation] = columns, sorted(repr(list(row)) for row in cursor.fetchall())
    return found


def assert_equal(warehouses: Warehouses) -> None:
    connection = warehouses.connect()
    rds = built(connection.cursor(), "information_schema.columns")
    connection.close()
    with connected(os.environ) as there:
        # Late-binding views are in this one only.
        redshift = built(there.cursor(), "svv_columns")
    assert set(rds) == set(redshift)
    assert sum(len(rows) for relation, (_, rows) in rds.items() if relation.startswith("marts.")) > 100
    assert all(rds[f'marts."{nested}"'][1] for nested in ("fct_orders", "fct_order_lines", "array_accounting"))
    assert {relation: columns for relation, (columns, _) in rds.items()} == {
        relation: columns for relation, (columns, _) in redshift.items()
    }
    assert [relation for relation in rds if rds[relation][1] != redshift[relation][1]] == []


@pytest.mark.timeout(900 if real_endpoint() is None else 7200)
def test_random_deliveries_give_equal_marts_at_once_and_after_more_of_them(
    warehouses: Warehouses, tmp_path: Path
) -> None:
    dice = random.Random(5)
    with Dbt(warehouses, tmp_path) as dbt:
        deliver(warehouses, dice, 25)
        warehouses.copy()
        dbt("rds", "run")
        dbt("redshift", "build")
        assert_equal(warehouses)
        deliver(warehouses, dice, 8)
        rejecting = "select min(load_id) from ops.loads where records_rejected > 0 and route = 'lambda'"
        warehouses.call("replay", {"load_id": warehouses.query(rejecting)[0][0]})
        assert warehouses.differences() == []
        for target in ("rds", "redshift"):
            dbt(target, "run")
        assert_equal(warehouses)
