"""The types of parameters that several routes take."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from pydantic import AfterValidator, BeforeValidator, StringConstraints

STARTS_WITH_A_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")

LARGEST_ID = 9 * 10**18
"""A little less than a bigint's largest: numbers of a JSON schema are doubles, which hold this one exactly."""

DEFAULT_LIMIT = 100
MOST_ROWS = 1000


def _storable(text: str) -> str:
    """Raises ValueError for text that the database cannot hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a surrogate pair, which is no text") from None
    return text


def _written_out(value: object) -> object:
    """Raises ValueError for a number: as seconds since 1970, a day without its hyphens would be another day."""
    if not isinstance(value, str) or not STARTS_WITH_A_DAY.match(value):
        raise ValueError("must be written as 2022-03-31")
    return value


# No NUL: PostgreSQL has none in text.
WITHOUT_NUL = r"^[^\x00]+$"
Word = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=WITHOUT_NUL), AfterValidator(_storable)]
# As long as S3 has them.
ObjectKey = Annotated[
    str, StringConstraints(min_length=1, max_length=1024, pattern=WITHOUT_NUL), AfterValidator(_storable)
]

Feed = Annotated[str, Path(pattern="^[a-z][a-z0-9_]{0,62}$", description="Name of a feed, as its contract has it.")]
Day = Annotated[date, BeforeValidator(_written_out)]
Moment = Annotated[datetime, BeforeValidator(_written_out)]
Id = Annotated[int, Path(ge=-LARGEST_ID, le=LARGEST_ID)]
IdFilter = Annotated[int | None, Query(ge=-LARGEST_ID, le=LARGEST_ID)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="Rows of a page; fewer may come when they are large.")]
Cursor = Annotated[
    str | None,
    Query(max_length=2000, description="`next_cursor` of the page before, with the same filters."),
]
Currency = Annotated[
    str | None,
    Query(
        pattern="^[A-Za-z]{3}$",
        description="ISO 4217 code to convert amounts to, with the last valid rate on or before each day.",
    ),
]
