"""Which marts are published to the lake, and how they are cut."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LakeMart:
    """One mart. `partition` is the lake's partition column, `partition_value` the SQL that gives its value, never null.

    Within a partition rows are sorted by `sort`.
    """

    name: str
    partition: str
    partition_value: str
    sort: tuple[str, ...]


MARTS = (
    LakeMart(
        name="unified_sales",
        partition="transaction_month",
        partition_value="coalesce(to_char(transaction_date, 'YYYY-MM'), 'unknown')",
        sort=("transaction_id",),
    ),
    LakeMart(
        name="sales_in_currency",
        partition="currency_code",
        partition_value="currency_code",
        sort=("transaction_id",),
    ),
)

TYPES = {
    "bigint": "bigint",
    "integer": "int",
    "boolean": "boolean",
    "date": "date",
    "text": "string",
    "character varying": "string",
}
"""Types of the information schema by the names that Spark and the Glue Data Catalog share; numeric keeps its scale."""
