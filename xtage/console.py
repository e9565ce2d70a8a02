"""What the commands print: tables and progress on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Elsewhere than on a terminal nothing is cut or wrapped: the reader is a file or a program.
PLAIN_WIDTH = 10_000
# A line end or a terminal's control sequence in an object key must not break a table: it is shown escaped.
_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160))}


def output() -> Console:
    """The console on stdout as it is now (tests and pipes replace it)."""
    return Console(highlight=False, soft_wrap=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def show(made: Table) -> None:
    """Print a table; elsewhere than on a terminal without the blanks that pad its last column."""
    console = output()
    if console.is_terminal:
        console.print(made)
        return
    with console.capture() as captured:
        console.print(made)
    for line in captured.get().splitlines():
        print(line.rstrip())


def say(line: str) -> None:
    """One line to stdout, at once, so that a log shows it when it happens."""
    print(_writable(line), flush=True)


def warn(line: str) -> None:
    """One line to stderr, for what does not stop the command."""
    print(_writable(line), file=sys.stderr, flush=True)


def _writable(line: str) -> str:
    # A file's name may be any bytes: what is no UTF-8 is half a surrogate pair in it, which no stream takes.
    return line.encode("utf-8", "backslashreplace").decode()


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, numbers: Sequence[str] = ()) -> Table:
    """A table without frames; None is shown as an empty cell, the columns in `numbers` are aligned to the right."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(Text(column), justify="right" if column in numbers else "left")
    for row in rows:
        made.add_row(*(Text(shown(value)) for value in row))
    return made


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values below each other, without a header."""
    made = Table.grid(padding=(0, 2))
    for name, value in rows:
        made.add_row(Text(name), Text(value))
    return made


def shown(value: object) -> str:
    """A cell as people read it: thousands separated, nothing for None, control characters escaped."""
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value).translate(_CONTROLS)
