"""Flattens the parts of a nested file into Parquet, one directory per table.

Arguments: --location, a prefix that holds `layout.json` and `parts/*.jsonl`, as the loader's split leaves them; the
tables go to `tables/<name>/` there. --run-id and --delivery-id are for the log. Running it again replaces what it
wrote. Glue's own arguments are passed over.
"""

from __future__ import annotations

import argparse
import json
import sys

from pyspark.sql import SparkSession

from glue import log
from glue.transforms.flatten import Layout, flattened, record_schema

NAME = "json_to_tabular"


def main(arguments: list[str]) -> None:
    """Runs the job. Raises whatever Spark raises; a line that is not JSON is an error, for the split wrote none."""
    parser = argparse.ArgumentParser(prog=NAME, allow_abbrev=False)
    parser.add_argument("--location", required=True)
    parser.add_argument("--run-id", type=int)
    parser.add_argument("--delivery-id", type=int)
    given = parser.parse_known_args(arguments)[0]
    location, ids = given.location.rstrip("/"), {"run_id": given.run_id, "delivery_id": given.delivery_id}
    spark = SparkSession.builder.appName(NAME).getOrCreate()
    document = json.loads("".join(row.value for row in spark.read.text(f"{location}/layout.json").collect()))
    layout = Layout.of(document["table"])
    log.info(NAME, "flatten begins", feed=layout.name, location=location, **ids)
    records = spark.read.schema(record_schema(layout)).option("mode", "FAILFAST").json(f"{location}/parts")
    for name, table in flattened(records, layout, document["key"]).items():
        table.write.mode("overwrite").option("compression", "zstd").parquet(f"{location}/tables/{name}")
        log.info(NAME, "table written", feed=layout.name, table=name, location=f"{location}/tables/{name}", **ids)


if __name__ == "__main__":
    main(sys.argv[1:])
