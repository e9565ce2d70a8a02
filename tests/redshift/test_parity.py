"""The same deliveries give the same marts in both databases, row for row, with types of the same family."""

import csv
import io
import os
import random
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loaders.redshift import connected
from localcloud.postgres import USER
from localcloud.settings import PROJECT
from tests.dbt.comparison import FEEDS
from tests.dbt.histories import START, random_record
from tests.redshift.conftest import Warehouses, body_of

DBT = Path(sys.executable).with_name("dbt")
BUILT = ("staging", "intermediate", "marts")
TEXTS = ["Löffel", "日本語", 'say "x"', "a\\nb", "tab\there", "x" * 300, "'", " n/a ", "é" * 200]
FAMILIES = {"text": "character varying"}
"""Types of PostgreSQL that have another name in Redshift."""


def random_file(feed: str, dice: random.Random) -> tuple[str, bytes]:
    """A small file of a feed, CSV or JSON, with odd texts, fields nobody knows and records that cannot be read."""
    records: list[dict[str, Any]] = [random_record(feed, dice) for _ in range(dice.randint(1, 8))]
    for record in records:
        if dice.random() < 0.3:
            record[dice.choice(list(record))] = dice.choice(TEXTS)
    if dice.random() < 0.5:
        if dice.random() < 0.3:
            records[0]["Remark"] = dice.choice(TEXTS)
        return "json", body_of(records)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    broken = "too,few\n" if dice.random() < 0.4 else ""
    return "csv", (text.getvalue() + broken).encode()


def deliver(warehouses: Warehouses, dice: random.Random, files: int) -> None:
    """Drops files of any feed, new and rewritten and repeated, dated back and forth, and loads them."""
    known: list[tuple[str, str, bytes]] = []
    for feed in [*FEEDS, *dice.choices(FEEDS, k=files - len(FEEDS))]:
        kind, body = random_file(feed, dice)
        if known and dice.random() < 0.2:
            feed, kind, body = dice.choice(known)
        known.append((feed, kind, body))
        delivered_at = (START + timedelta(days=dice.randint(0, 12))).isoformat()
        name = dice.choice(["a", "B", "ä", "it's"])
        warehouses.land(f"raw/{feed}/{name}.{kind}", body, delivered_at=delivered_at)


def build(warehouses: Warehouses, target: str, work: Path, *arguments: str) -> None:
    """Runs dbt on one of the two, from the environment in which CodeBuild runs it."""
    settings = warehouses.postgres.settings
    connection = {"HOST": "127.0.0.1", "USER": USER, "PASSWORD": settings.postgres_password}
    environment = {
        **os.environ,
        **{f"{database}_{name}": value for database in ("RDS", "REDSHIFT") for name, value in connection.items()},
        "RDS_PORT": str(settings.postgres_port),
        "RDS_DBNAME": warehouses.database,
        "RDS_SSLMODE": "disable",
        "REDSHIFT_PORT": str(settings.redshift_port),
        "XTAGE_RUN_ID": "1",
        "DBT_TARGET_PATH": str(work / target),
        "DBT_LOG_PATH": str(work / target),
    }
    command = [str(DBT), "--no-use-colors", *arguments, "--target", target]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


Relation = tuple[list[tuple[Any, ...]], list[str]]
"""Columns with their types, in their order, and the sorted rows."""


def built(cursor: Any) -> dict[str, Relation]:
    """Every relation that dbt has made in a database."""
    schemas = ", ".join(f"'{schema}'" for schema in BUILT)
    cursor.execute(
        "select table_schema, table_name, column_name, data_type, numeric_precision, numeric_scale "
        f"from information_schema.columns where table_schema in ({schemas}) order by 1, 2, ordinal_position"
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
    rds = built(connection.cursor())
    connection.close()
    with connected(os.environ) as there:
        redshift = built(there.cursor())
    assert set(rds) == set(redshift)
    assert sum(len(rows) for relation, (_, rows) in rds.items() if relation.startswith("marts.")) > 100
    assert {relation: columns for relation, (columns, _) in rds.items()} == {
        relation: columns for relation, (columns, _) in redshift.items()
    }
    assert [relation for relation in rds if rds[relation][1] != redshift[relation][1]] == []


@pytest.mark.timeout(900)
def test_random_deliveries_give_equal_marts_at_once_and_after_more_of_them(
    warehouses: Warehouses, tmp_path: Path
) -> None:
    dice = random.Random(5)
    deliver(warehouses, dice, 25)
    warehouses.copy()
    build(warehouses, "rds", tmp_path, "run")
    build(warehouses, "redshift", tmp_path, "build")
    assert_equal(warehouses)
    deliver(warehouses, dice, 8)
    replayed = warehouses.query("select min(load_id) from ops.loads where records_rejected > 0")[0][0]
    warehouses.call("replay", {"load_id": replayed})
    assert warehouses.differences() == []
    for target in ("rds", "redshift"):
        build(warehouses, target, tmp_path, "run")
    assert_equal(warehouses)
