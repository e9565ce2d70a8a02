"""Where a row of `marts.unified_sales` comes from: its records as they stood in their files, and the rates behind it.

Reads the marts, the models below them and the raw tables; writes nothing. `xtage why` prints what it gives, an HTTP
answer can serve it as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from loaders.tables import quoted

Row = dict[str, Any]
Ask = Callable[[str, Mapping[str, Any]], list[Row]]
"""Runs one query, its parameters written `:name`, and gives its rows by column name."""

FEEDS = ("sales", "transactions")
LINEAGE = ("_load_id", "_row_number")
BLANKS = " \t\n\v\f\r"
"""What staging trims (macro clean_text)."""
IDENTIFIER = re.compile(r"([+-]?)0*([0-9]{1,19})([.]0+)?")
"""What staging takes for a whole number (macro to_integer)."""
LARGEST = 2**63 - 1

UNIFIED = "select * from {marts}.unified_sales where transaction_id = :id"
RECORDS = """
    select
        records._load_id as load_id, records._row_number as row_number, records.record_state as state,
        files.object_key, files.version_id, files.delivered_at
    from {intermediate}.{table} as records
    left join {marts}.row_accounting as files on records._load_id = files.load_id
    where records.transaction_id = :id
"""
# No model holds these records: they are looked for by the text of their key, in the withdrawn loads only.
WITHDRAWN = """
    select
        records._load_id as load_id, records._row_number as row_number, 'superseded' as state,
        files.object_key, files.version_id, files.delivered_at
    from {marts}.row_accounting as files
    inner join raw.{table} as records on files.load_id = records._load_id
    where
        files.feed = :feed and files.superseded > 0
        and strpos(records.transaction_id, :digits) > 0 and records.transaction_id ~ :pattern
"""
RAW = "select * from raw.{table} where _load_id = :load_id and _row_number = :row_number"
ISSUES = """
    select column_name, raw_value, rule, severity from {marts}.data_issues
    where load_id = :load_id and row_number = :row_number
    order by column_name, rule
"""
CONVERSIONS = """
    select
        converted.currency_code, converted.amount, converted.exchange_rate, converted.rate_date,
        converted.rate_age_days, rates._load_id as load_id, rates._row_number as row_number,
        files.object_key, files.version_id, files.delivered_at
    from {marts}.sales_in_currency as converted
    left join {intermediate}.int_exchange_rates as rates
        on
            converted.currency_code = rates.currency_code
            and converted.rate_date = rates.rate_date
            and rates.record_state = 'current'
    left join {marts}.row_accounting as files on rates._load_id = files.load_id
    where converted.transaction_id = :id
    order by converted.currency_code
"""
PLACE = ("load_id", "object_key", "version_id", "delivered_at", "row_number")


@dataclass(frozen=True)
class Warehouse:
    """What to ask, and the schemas that dbt built there (quoted for SQL)."""

    ask: Ask
    marts: str
    intermediate: str

    @classmethod
    def of(cls, ask: Ask, environment: Mapping[str, str] = os.environ) -> Warehouse:
        """The schemas as dbt names them: XTAGE_SCHEMA_PREFIX `ada` gives `ada_marts`."""
        prefix = environment.get("XTAGE_SCHEMA_PREFIX", "")
        before = f"{prefix}_" if prefix else ""
        return cls(ask, quoted(f"{before}marts"), quoted(f"{before}intermediate"))

    def rows(self, statement: str, table: str = "", **parameters: Any) -> list[Row]:
        names = {"marts": self.marts, "intermediate": self.intermediate, "table": quoted(table)}
        return self.ask(statement.format(**names), parameters)


def transaction_id_of(text: str) -> int:
    """A transaction id as staging reads it: ` 12 `, `+12`, `012` and `12.0` are all 12.

    Raises ValueError for what is no whole number, or none that a bigint holds.
    """
    found = IDENTIFIER.fullmatch(text.strip(BLANKS))
    value = int(found[1] + found[2]) if found else None
    if value is None or not -LARGEST - 1 <= value <= LARGEST:
        raise ValueError(f"{text[:60]!r} is not a transaction id")
    return value


def provenance(warehouse: Warehouse, transaction_id: int, most_earlier: int | None = None) -> Row | None:
    """Everything about one transaction id; None when no record that was built into the marts has it.

    - `unified`: the row of unified_sales; None when all records of the id were withdrawn.
    - `sale`, `transaction`: the current record of each feed, or None, with its `issues`.
    - `earlier`: the records that lost against those, newest first; of each feed at most `most_earlier`.
    - `conversions`: `currency_code`, `amount`, `exchange_rate`, `rate_date`, `rate_age_days` and the `rate_record`.

    Every record has `load_id`, `object_key`, `version_id`, `delivered_at` (UTC), `row_number` (1 is the first record of
    its file) and `raw`, the texts of the raw table; those of sales and transactions `feed`, `state` and `reason` too.
    """
    unified = warehouse.rows(UNIFIED, id=transaction_id)
    records = [record for feed in FEEDS for record in _records(warehouse, feed, transaction_id, most_earlier)]
    if not unified and not records:
        return None
    current = {record["feed"]: record for record in records if record["state"] == "current"}
    for record in current.values():
        record["issues"] = warehouse.rows(ISSUES, load_id=record["load_id"], row_number=record["row_number"])
    return {
        "transaction_id": transaction_id,
        "unified": unified[0] if unified else None,
        "sale": current.get("sales"),
        "transaction": current.get("transactions"),
        "earlier": [record for record in records if record["state"] != "current"],
        "conversions": _conversions(warehouse, transaction_id),
    }


def _records(warehouse: Warehouse, feed: str, transaction_id: int, most_earlier: int | None) -> list[Row]:
    """The records of the id in one feed, the newest delivery first: the one that counts, and so many that lost."""
    live = warehouse.rows(RECORDS, f"int_{feed}", id=transaction_id)
    digits, pattern = str(abs(transaction_id)), key_pattern(transaction_id)
    withdrawn = warehouse.rows(WITHDRAWN, feed, feed=feed, digits=digits, pattern=pattern)
    winner = next((record for record in live if record["state"] == "current"), None)
    lost = sorted((one for one in [*live, *withdrawn] if one is not winner), key=_recency, reverse=True)
    ordered = [*([winner] if winner else []), *lost[:most_earlier]]
    return [
        {"feed": feed, "reason": reason(record, winner), **record, "raw": _raw(warehouse, feed, record)}
        for record in ordered
    ]


def _recency(record: Row) -> tuple[bool, Any, int, int]:
    # The file is unknown for a moment, while a build has made one of the two tables.
    delivered_at = record["delivered_at"]
    return delivered_at is not None, delivered_at or 0, record["load_id"], record["row_number"]


def _raw(warehouse: Warehouse, feed: str, place: Row) -> Row | None:
    """A record's texts; None when its load was replayed to fewer records since the marts were built."""
    found = warehouse.rows(RAW, feed, load_id=place["load_id"], row_number=place["row_number"])
    return {name: text for name, text in found[0].items() if name not in LINEAGE} if found else None


def _conversions(warehouse: Warehouse, transaction_id: int) -> list[Row]:
    found = []
    for row in warehouse.rows(CONVERSIONS, id=transaction_id):
        place = {name: row.pop(name) for name in PLACE}
        known = place["load_id"] is not None
        rate_record = {**place, "raw": _raw(warehouse, "exchange_rates", place)} if known else None
        found.append({**row, "rate_record": rate_record})
    return found


def key_pattern(transaction_id: int) -> str:
    """A regular expression of PostgreSQL for every text that staging reads as this id."""
    sign = "-" if transaction_id < 0 else "[+]?" if transaction_id else "[+-]?"
    return f"^[{BLANKS}]*{sign}0*{abs(transaction_id)}([.]0+)?[{BLANKS}]*$"


def reason(record: Row, winner: Row | None) -> str:
    """Why a record counts, or why it does not, by the delivery rules."""
    if record["state"] == "current":
        return "the newest record of this id"
    if record["state"] == "superseded":
        return "its object was rewritten, and the contract says that a rewrite replaces"
    if winner is not None and winner["load_id"] == record["load_id"]:
        return f"record {winner['row_number']} of the same file has this id too and comes later"
    return "a newer delivery holds this id too"
