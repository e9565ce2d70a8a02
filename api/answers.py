"""Successful answers: JSON with every digit of an amount, under what Lambda may return."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import msgspec
from aws_lambda_powertools.event_handler import Response

Row = Mapping[str, Any]
MEDIA_TYPE = "application/json"

MOST_BYTES = 5_000_000
"""Of items in one answer. Lambda refuses 6 MB, in which the answer itself is escaped as JSON once more."""

JSON = msgspec.json.Encoder(decimal_format="number")


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[str]:
    """A value as JSON; Decimals are numbers with all their digits."""
    return Response(status, MEDIA_TYPE, JSON.encode(body).decode(), headers=dict(headers or {}))


def page(
    rows: Sequence[Row],
    limit: int,
    cursor_after: Callable[[Row], str],
    json_of: Callable[[Row], bytes] = JSON.encode,
) -> dict[str, Any]:
    """`{"items": [...], "next_cursor": ...}` from up to `limit + 1` rows; fewer items where they are too large.

    `cursor_after` gives the cursor that goes on after a row, `json_of` what is shown of it.
    """
    items = fitting(rows[:limit], json_of)
    more = len(items) < len(rows)
    return {"items": items, "next_cursor": cursor_after(rows[len(items) - 1]) if more else None}


def fitting(
    rows: Iterable[Row], json_of: Callable[[Row], bytes] = JSON.encode, most_bytes: int = MOST_BYTES
) -> list[msgspec.Raw]:
    """The first rows that fit into an answer, as JSON; the first one in any case."""
    texts = [json_of(row) for row in rows]
    count = len(texts)
    # Lambda hands the answer on as a JSON string of ASCII, where a byte takes six at most: few need a closer look.
    if sum(map(len, texts)) * 6 > most_bytes:
        count = max(1, sum(size <= most_bytes for size in accumulate(map(_sent, texts))))
    return [msgspec.Raw(text) for text in texts[:count]]


def with_fitting(body: Row, name: str) -> Row:
    """An answer of one thing, its list `name` cut to what fits beside the rest; its first row stays in any case."""
    others = _sent(JSON.encode({**body, name: []}))
    return {**body, name: fitting(body[name], most_bytes=MOST_BYTES - others)}


def _sent(text: bytes) -> int:
    """How many bytes of Lambda's answer a text takes."""
    return len(json.dumps(text.decode()))
