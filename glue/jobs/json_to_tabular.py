"""Flattens the parts of a nested file into Parquet, one directory per table.

Arguments: --location, a prefix that holds `layout.json` and `parts/*.jsonl`, as the loader's split leaves them; the
tables go to `tables/<name>/` there. Running it again replaces what it wrote. Glue's own arguments are passed over.
"""

from __future__ import annotations

import argparse
import json
import sys

from pyspark.sql import SparkSession

from glue.transforms.flatten import Layout, flattened, record_schema


def main(arguments: list[str]) -> None:
    """Runs the job. Raises whatever Spark raises; a line that is not JSON is an error, for the split wrote none."""
    parser = argparse.ArgumentParser(prog="json_to_tabular", allow_abbrev=False)
    parser.add_argument("--location", required=True)
    location = parser.parse_known_args(arguments)[0].location.rstrip("/")
    spark = SparkSession.builder.appName("json_to_tabular").getOrCreate()
    document = json.loads("".join(row.value for row in spark.read.text(f"{location}/layout.json").collect()))
    layout = Layout.of(document["table"])
    records = spark.read.schema(record_schema(layout)).option("mode", "FAILFAST").json(f"{location}/parts")
    for name, table in flattened(records, layout, document["key"]).items():
        table.write.mode("overwrite").option("compression", "zstd").parquet(f"{location}/tables/{name}")
        print(f"{name}: written to {location}/tables/{name}")


if __name__ == "__main__":
    main(sys.argv[1:])
