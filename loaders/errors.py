"""The three families of failure, named once.

The class name is what Step Functions sees as the error name. Of these three the state machine retries `TransientError`
only, beside the Lambda service's own faults. A `DataError` is an outcome of its file, recorded with it; the other two
leave the loader as exceptions.
"""

from __future__ import annotations

import re


class LoaderError(Exception):
    """What happened, to which file, and what to do about it, in one line.

    The message, the object key and the remedy are attributes too, so that a report can show them apart.
    """

    def __init__(
        self, message: str, *, feed: str | None = None, object_key: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.feed = feed
        self.object_key = object_key
        self.remedy = remedy

    def __str__(self) -> str:
        where = f"{self.object_key}: " if self.object_key else ""
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return " ".join(f"{where}{self.message}{remedy}".split())


class TransientError(LoaderError):
    """The surroundings failed (network, database restart, throttling); the same work may succeed when tried again."""


class DataError(LoaderError):
    """The whole file is refused for what it holds; trying again cannot help, another file can."""


class TerminalError(LoaderError):
    """Set-up, permission or contract is wrong; a person has to change something before trying again helps."""


class ContractError(TerminalError):
    """A contract file is wrong; the message names the file and the place in it."""


def excerpt(text: str) -> str:
    """What stands in a file, marked where it stands in a message: those who read the ledger see it, logs do not."""
    return f"«{repr(text)[1:-1].translate({ord('«'): '<', ord('»'): '>'})}»"


def without_excerpts(message: str) -> str:
    """The message with nothing of the file in it."""
    return re.sub("«[^»]*»?", "«…»", message)
