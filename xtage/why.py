"""`xtage why`: a unified row back to its records, files, issues and rates."""

import json
from collections.abc import Mapping
from typing import Any

import click
import msgspec
import pg8000.native

from loaders.provenance import Row, Warehouse, provenance, transaction_id_of
from xtage.console import pairs, say, show, table
from xtage.database import code_of, message_of, reading
from xtage.errors import OperatorError
from xtage.ledger import UNDEFINED_SCHEMA, UNDEFINED_TABLE

# Amounts and rates with all their digits.
JSON = msgspec.json.Encoder(decimal_format="number")


@click.command("why")
@click.argument("transaction_id")
@click.option("--target", help="A target of profiles.yml; by default the local database.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(transaction_id: str, target: str | None, form: str) -> None:
    """Tell where the unified row of TRANSACTION_ID comes from.

    Prints the row of marts.unified_sales; the sale and the transaction behind it, each with its object key, version,
    row number (1 is the first record of the file, rejected ones counted), the texts that stood there and the issues
    with them; the earlier records of the id, and why they lost; and for each currency the rate and its file. With
    XTAGE_SCHEMA_PREFIX it reads the marts that were built with it.

    \b
    Examples:
      xtage why 17
      xtage why 17 --format json
      xtage why --target rds 17
      xtage why -- -5                  an id below 0

    Exit code 1 when no record has the id.
    """
    try:
        wanted = transaction_id_of(transaction_id)
    except ValueError as problem:
        raise OperatorError(str(problem), "give the whole number that stands in the column Transaction_ID") from problem
    found = _find(wanted, target)
    if form == "json":
        say(msgspec.json.format(JSON.encode(found), indent=2).decode())
    else:
        _print(found)


def _find(transaction_id: int, target: str | None) -> Row:
    with reading(target) as connection:

        def ask(statement: str, parameters: Mapping[str, Any]) -> list[Row]:
            rows = connection.run(statement, **parameters) or []
            names = [column["name"] for column in connection.columns or []]
            return [dict(zip(names, row, strict=True)) for row in rows]

        try:
            found = provenance(Warehouse.of(ask), transaction_id)
        except pg8000.native.DatabaseError as problem:
            if code_of(problem) in (UNDEFINED_TABLE, UNDEFINED_SCHEMA):
                raise OperatorError(
                    f"the marts are not built here: {message_of(problem)}", "build them with `xtage run` or `dbt run`"
                ) from problem
            raise OperatorError(f"PostgreSQL: {message_of(problem)}", "check the target") from problem
    if found is None:
        raise OperatorError(
            f"no sale and no transaction has the id {transaction_id}",
            "check the id; if its file came after the last build, `xtage run` first",
        )
    return found


def _print(found: Row) -> None:
    say(f"transaction {found['transaction_id']}")
    say("")
    if found["unified"] is None:
        say("not in unified_sales: every record of this id was withdrawn")
    else:
        show(pairs((f"  {name}", _text(value)) for name, value in found["unified"].items()))
    for name in ("sale", "transaction"):
        _print_current(name, found[name])
    _print_earlier(found["earlier"])
    _print_conversions(found["conversions"])


def _print_current(name: str, record: Row | None) -> None:
    say("")
    if record is None:
        say(f"{name}: none")
        return
    say(f"{name}: {_file(record)}, row {record['row_number']} (load {record['load_id']}), {record['reason']}")
    issues = {issue["column_name"]: f"{issue['rule']} ({issue['severity']})" for issue in record["issues"]}
    texts = record["raw"] or {}
    show(table(("  column", "text in the file", "issue"), ((f"  {c}", _raw(texts[c]), issues.get(c)) for c in texts)))


def _print_earlier(records: list[Row]) -> None:
    say("")
    say(f"earlier records: {len(records) or 'none'}")
    columns = ("  feed", "state", "file", "row", "why it lost", "texts in the file")
    rows = [
        (f"  {one['feed']}", one["state"], _file(one), str(one["row_number"]), one["reason"], _texts(one["raw"]))
        for one in records
    ]
    if rows:
        show(table(columns, rows, numbers=("row",)))


def _print_conversions(conversions: list[Row]) -> None:
    say("")
    say(f"in other currencies: {len(conversions) or 'none'}")
    columns = ("  currency", "amount", "rate", "rate's day", "days old", "file of the rate", "row", "texts in the file")
    rows = [
        (
            f"  {one['currency_code']}",
            *(_text(one[name]) for name in ("amount", "exchange_rate", "rate_date", "rate_age_days")),
            *_rate_place(one["rate_record"]),
        )
        for one in conversions
    ]
    if rows:
        show(table(columns, rows, numbers=("amount", "rate", "days old", "row")))


def _rate_place(record: Row | None) -> tuple[str, str, str]:
    if record is None:
        return "no rate on or before that day", "", ""
    return _file(record), str(record["row_number"]), _texts(record["raw"])


def _file(record: Row) -> str:
    """Key, version and time of the delivery a record counts from."""
    return f"{record['object_key']} version {record['version_id']} of {_text(record['delivered_at'])}"


def _text(value: object) -> str:
    """A value as people read it; ids and amounts keep their digits without separators."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _raw(text: str | None) -> str:
    """A text of the file in quotes, so that blanks show; null is what the file did not have."""
    return "null" if text is None else json.dumps(text, ensure_ascii=False)


def _texts(raw: Row | None) -> str:
    return "" if raw is None else ", ".join(f"{name} {_raw(text)}" for name, text in raw.items())
