"""`xtage sql`: one read-only query on a dbt target."""

import csv
import json
import re
import sys
from collections.abc import Iterator
from itertools import chain, islice

import click
import pg8000.native
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from localcloud.settings import PROJECT
from xtage.console import PLAIN_WIDTH, output, show, table, warn
from xtage.database import Answer, Row, message_of, reading
from xtage.errors import OperatorError
from xtage.profiles import read_target

# More rows than anybody reads on a screen; the other formats give all.
TABLE_ROWS = 1_000
FETCH_ROWS = 5_000
# Types whose text is a JSON value as it stands, except for numeric's NaN and Infinity.
JSON_NUMBERS = {20, 21, 23, 26, 700, 701, 1700}
JSON_DOCUMENTS = {114, 3802}
BOOLEAN = 16
QUERY = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


@click.command("sql")
@click.argument("query")
@click.option("--target", help="A target of profiles.yml; by default the local database.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
def command(query: str, target: str | None, form: str) -> None:
    """Run one read-only QUERY and print its rows.

    `table` shows the first 1,000 rows, one value per line when a row is wider than the screen. `json` and `csv` give
    every row, in bounded memory, numbers with all their digits.

    \b
    Examples:
      xtage sql "select * from marts.unified_sales limit 5"
      xtage sql "select feed, status, count(*) from ops.deliveries group by 1, 2"
      xtage sql --format csv "select * from marts.daily_sales" > daily.csv
      xtage sql --target redshift "select count(*) from marts.unified_sales"
      xtage sql -- "$(cat query.sql)"          one that begins with a comment
    """
    if read_target(PROJECT, target)["type"] == "redshift":
        # Imported here: it takes a while, and most queries go to PostgreSQL.
        from xtage import redshift

        with redshift.answering(query, target) as answer:
            _print(answer, form)
        return
    with reading(target, as_text=True) as connection:
        try:
            _print(_run(connection, query), form)
        except pg8000.native.DatabaseError as problem:
            raise OperatorError(f"PostgreSQL: {message_of(problem)}", "correct the query") from problem
        except pg8000.native.InterfaceError as problem:
            # `copy ... to stdout` wants a stream; a connection that broke off is one of these too.
            raise OperatorError(f"no rows came back: {problem}", "use a select; `--format csv` exports") from problem


def _print(answer: Answer, form: str) -> None:
    columns, types, rows = answer
    if form == "json" and (repeated := sorted({name for name in columns if columns.count(name) > 1})):
        raise OperatorError(f"several columns are called {', '.join(repeated)}", "name them apart with `as`")
    if form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif form == "json":
        _print_json(columns, types, rows)
    else:
        shown = list(islice(rows, TABLE_ROWS))
        _print_table(columns, types, shown)
        if next(rows, None) is not None:
            warn(f"xtage: only the first {TABLE_ROWS:,} rows are shown; --format csv gives all")


def _run(connection: pg8000.native.Connection, query: str) -> Answer:
    """Column names, type oids and rows; through a cursor where the statement allows one, so that memory is bounded.

    The extended protocol takes one statement only: nothing can be smuggled in behind a semicolon.
    """
    if not QUERY.match(query):
        answer = connection.execute_unnamed(query)
        columns = answer.columns or []
        return [c["name"] for c in columns], [c["type_oid"] for c in columns], iter(answer.rows or [])
    connection.execute_unnamed(f"declare xtage_rows no scroll cursor for {query}")
    fetch = f"fetch {FETCH_ROWS} from xtage_rows"
    first = connection.execute_unnamed(fetch)
    more: Iterator[list[Row]] = iter(lambda: connection.execute_unnamed(fetch).rows, [])
    rows = chain(first.rows, chain.from_iterable(more))
    return [c["name"] for c in first.columns], [c["type_oid"] for c in first.columns], rows


def _print_json(columns: list[str], types: list[int], rows: Iterator[Row]) -> None:
    names = [json.dumps(column) for column in columns]
    before = "["
    for row in rows:
        values = map(_json_value, row, types)
        fields = ", ".join(f"{name}: {value}" for name, value in zip(names, values, strict=True))
        sys.stdout.write(f"{before}\n{{{fields}}}")
        before = ","
    sys.stdout.write("[]\n" if before == "[" else "\n]\n")


def _json_value(text: str | None, oid: int) -> str:
    if text is None:
        return "null"
    if oid == BOOLEAN:
        return "true" if text == "t" else "false"
    if oid in JSON_DOCUMENTS or (oid in JSON_NUMBERS and text[-1].isdigit()):
        return text
    return json.dumps(text)


def _print_table(columns: list[str], types: list[int], rows: list[Row]) -> None:
    console = output()
    numbers = [name for name, oid in zip(columns, types, strict=True) if oid in JSON_NUMBERS]
    made = table(columns, rows, numbers=numbers)
    needed = Measurement.get(console, console.options.update(width=PLAIN_WIDTH), made).maximum
    show(_upright(columns, rows) if needed > console.width else made)


def _upright(columns: list[str], rows: list[Row]) -> Table:
    """One line per value, for rows wider than the screen."""
    made = Table.grid(padding=(0, 2))
    for number, row in enumerate(rows, start=1):
        made.add_row(Text(f"-- row {number}", style="bold"))
        for column, value in zip(columns, row, strict=True):
            made.add_row(Text(column), Text("" if value is None else value))
    return made
