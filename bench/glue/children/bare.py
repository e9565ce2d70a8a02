"""The yardstick: the engine reads the parts with their schema and writes them as they are. Arguments: --location."""

import json
import sys

from pyspark.sql import SparkSession

from glue.transforms.flatten import Layout, record_schema

location = sys.argv[sys.argv.index("--location") + 1]
spark = SparkSession.builder.getOrCreate()
document = json.loads("".join(row.value for row in spark.read.text(f"{location}/layout.json").collect()))
schema = record_schema(Layout.of(document["table"]))
records = spark.read.schema(schema).option("mode", "FAILFAST").json(f"{location}/parts")
records.write.mode("overwrite").option("compression", "zstd").parquet(f"{location}/bare")
