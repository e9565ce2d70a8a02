"""Writes the exported partitions of the marts as sorted Parquet, one file for each partition.

Arguments: --location, a prefix that holds `plan.json` and the exported rows, as the loader's plan leaves them; --lake,
what the plan's targets are relative to. --run-id is for the log. Nothing that is published is touched: the catalog is
switched afterwards. Running it again replaces what it wrote.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from glue import log
from glue.transforms.publish import compacted, typed

NAME = "publish_lake"
AS_THEY_ARE = {"spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED"}
"""Days before 1582, which Spark refuses to write where nobody says what readers are to make of them."""

READ_AS_NULL = "__HIVE_DEFAULT_PARTITION__"
"""A partition's value that Spark reads as null; no partition is null here."""


def main(arguments: list[str]) -> None:
    """Runs the job. Raises ValueError where what was written is not what was to be written."""
    parser = argparse.ArgumentParser(prog=NAME, allow_abbrev=False)
    parser.add_argument("--location", required=True)
    parser.add_argument("--lake", required=True)
    parser.add_argument("--run-id", type=int)
    given = parser.parse_known_args(arguments)[0]
    location, lake = given.location.rstrip("/"), given.lake.rstrip("/")
    spark = SparkSession.builder.appName(NAME).config(map=AS_THEY_ARE).getOrCreate()
    plan = json.loads("".join(row.value for row in spark.read.text(f"{location}/plan.json").collect()))
    for mart in plan["marts"]:
        if mart["partitions"]:
            target = f"{lake}/{mart['target'].rstrip('/')}"
            partitions, rows = publish(spark, mart, f"{location}/{mart['name']}", target)
            facts = {"mart": mart["name"], "partitions": partitions, "rows": rows, "location": target}
            log.info(NAME, "mart written", run_id=given.run_id, **facts)


def publish(spark: SparkSession, mart: dict[str, Any], source: str, target: str) -> tuple[int, int]:
    """Writes one mart's partitions and counts what is there then; returns how many partitions and rows."""
    rows = typed(spark.read.parquet(source), mart["columns"], mart["partition"])
    files = compacted(rows, mart["partition"], mart["sort"]).write.partitionBy(mart["partition"])
    files.mode("overwrite").option("compression", "zstd").parquet(target)
    written = spark.read.schema(rows.schema).parquet(target).groupBy(mart["partition"]).agg(f.count("*").alias("rows"))
    found = {row[mart["partition"]] or READ_AS_NULL: row["rows"] for row in written.collect()}
    expected = {value: planned["rows"] for value, planned in mart["partitions"].items()}
    if found != expected:
        raise ValueError(f"{mart['name']}: {found} rows were written where {expected} were to be")
    return len(found), sum(found.values())


if __name__ == "__main__":
    main(sys.argv[1:])
