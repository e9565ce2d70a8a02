"""Rows of a mart, exported as text, to what the lake holds of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as f


def typed(rows: DataFrame, columns: Mapping[str, str], partition: str) -> DataFrame:
    """The columns with their types, by the names of Spark SQL, and the partition column as text."""
    return rows.select(*(f.col(name).cast(kind).alias(name) for name, kind in columns.items()), partition)


def compacted(rows: DataFrame, partition: str, sort: Sequence[str]) -> DataFrame:
    """The rows of each partition together, so that they are written as one file, and in order."""
    return rows.repartition(partition).sortWithinPartitions(partition, *sort)
