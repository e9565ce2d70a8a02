"""Cursors lead on in their own query, and are never more than a place in it."""

from base64 import urlsafe_b64encode
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.paging import cursor_of, key_in, query_digest
from api.problems import Problem
from api.routes.sales import Position

DIGEST = query_digest("sales", {"category": "Toys"})


@given(st.none() | st.dates(), st.integers(-(2**63), 2**63 - 1))
def test_a_cursor_gives_back_the_key_it_was_made_of(day: date | None, transaction_id: int) -> None:
    position = Position(day, transaction_id)
    assert key_in(cursor_of(DIGEST, position), DIGEST, Position) == position


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "=" * 7,
        encoded("[]"),
        encoded(f'["{DIGEST}", [null, {2**63}]]'),
        encoded(f'["{DIGEST}", ["2022-02-30", 1]]'),
        encoded(f'["{DIGEST}", ["2022-02-03", "1; drop table x"]]'),
        encoded(f'["{DIGEST}", [null]]'),
        encoded("[" * 100_000),
        cursor_of(query_digest("sales", {"category": "Books"}), Position(None, 1)),
    ],
    ids=range(11),
)
def test_what_is_no_cursor_of_this_query_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        key_in(cursor, DIGEST, Position)
    assert refused.value.errors[0].field == "cursor"


@given(st.text())
def test_no_text_breaks_the_reading_of_cursors(text: str) -> None:
    try:
        found: Any = key_in(text, DIGEST, Position)
    except Problem:
        return
    assert isinstance(found, Position)


def test_no_cursor_begins_at_the_beginning() -> None:
    assert key_in(None, DIGEST, Position) is None
