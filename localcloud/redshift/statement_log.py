"""The log of what the harness was asked, what it changed and what it refused: it says what a passing test means.

No value of a record is in it: literals are left out.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from localcloud.redshift.tokens import UnreadableSqlError, statements

LOG_BYTES = 10_000_000
SHOWN = 4_000
_WITHOUT_ROWS = ("create", "alter", "set", "show", "fetch")


def open_log(path: Path) -> logging.Logger:
    """The logger `localcloud.redshift`, writing to a file that is begun anew when it is large."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger("localcloud.redshift")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger


def without_literals(sql: str, with_numbers: bool = False) -> str:
    """The text on one line, '?' in place of every string and, where rows may be written or compared, every number."""
    try:
        # The statement has been cut up for the rules, and is still at hand so.
        tokens = [token for statement in statements(sql) for token in statement.tokens]
    except UnreadableSqlError:
        return "(not readable as SQL)"
    keeps_numbers = with_numbers or (bool(tokens) and tokens[0].text in _WITHOUT_ROWS)
    text, place = "", 0
    for token in tokens:
        is_parameter = sql[token.start - 1 : token.start] == "$"
        if token.kind == "string" or (token.kind == "number" and not keeps_numbers and not is_parameter):
            text += sql[place : token.start] + ("'?'" if token.kind == "string" else "?")
            place = token.end
    shown = " ".join((text + sql[place:]).split())
    return shown if len(shown) <= SHOWN else f"{shown[:SHOWN]} ... ({len(shown)} characters)"


class StatementLog:
    """Writes the lines of one session."""

    def __init__(self, session: str) -> None:
        self._session = " ".join(session.split())
        self._logger = logging.getLogger("localcloud.redshift")

    def taken(self, sql: str, applied: Sequence[str]) -> None:
        """A statement that PostgreSQL gets, with what was changed in it."""
        shown = without_literals(sql)
        changes = f"  [{'; '.join(without_literals(one, with_numbers=True) for one in applied)}]" if applied else ""
        self._logger.info("%s %s%s", self._session, shown, changes)

    def refused(self, sql: str, rule: str) -> None:
        self._logger.info("%s %s  [refused: %s]", self._session, without_literals(sql), rule)

    def failed(self) -> None:
        """With the traceback of the exception under way."""
        self._logger.exception("%s a mistake of the harness", self._session)

    def say(self, what: str) -> None:
        """One line, whatever a client calls itself."""
        self._logger.info("%s %s", self._session, " ".join(what.split()))
