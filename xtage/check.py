"""`xtage check`: what the loader would do with a file, without loading it."""

import json
from pathlib import Path
from typing import Any

import click

from loaders.check import check_file
from loaders.contract import load_contracts
from xtage.console import say, show, shown, table, warn

SOME_REJECTED = 1
REFUSED = 2


@click.command("check", short_help="Tell what the loader would do with FILE.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--feed", help="The feed it is to be read as, when its name does not tell.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(file: Path, feed: str | None, form: str) -> int:
    """Tell what the loader would do with FILE: its feed, its records, each reject with line and reason.

    Reads the file with the loader's own code; needs no local cloud and loads nothing. All rejects are counted,
    the first 1,000 are told one by one.

    \b
    Examples:
      xtage check sales_data.csv
      xtage check --feed sales export-2022-12.csv
      xtage check --format json sales_data.csv

    Exit codes: 0 every record would land; 1 some would be rejected; 2 the whole file would be refused.
    """
    found = check_file(file, load_contracts(), feed)
    if form == "json":
        say(json.dumps(found, indent=2))
    else:
        _print(file, found)
    if found["error"]:
        return REFUSED
    return SOME_REJECTED if found["records_rejected"] else 0


def _print(file: Path, found: dict[str, Any]) -> None:
    counts = [shown(found[name]) for name in ("records_read", "records_loaded", "records_rejected", "blank_lines")]
    if found["rejects"]:
        columns = ("record", "line", "byte offset", "bytes", "rule", "message")
        fields = ("row_number", "line_number", "byte_offset", "byte_length", "rule", "message")
        rows = [[reject[field] for field in fields] for reject in found["rejects"]]
        show(table(columns, rows, numbers=columns[:4]))
        if found["records_rejected"] > len(rows):
            say(f"... and {found['records_rejected'] - len(rows):,} more")
        say("")
    read, loaded, rejected, blank = counts
    say(f"{file}, feed {found['feed']}: {read} read, {loaded} would land, {rejected} rejected, {blank} blank lines")
    if found["error"]:
        warn(f"xtage: the whole file would be refused: {found['error']}")
