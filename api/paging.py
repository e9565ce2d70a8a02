"""Cursors: where a page ended, in a form that only this API reads.

A page begins after the key of the last row that was shown, not after a number of rows: what is added or removed
elsewhere moves nothing. A cursor also holds a digest of the query it came from.
"""

from __future__ import annotations

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

from api.problems import invalid

T = TypeVar("T")
BigInteger = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

OTHERS = "is not a cursor of this query; take next_cursor of the page before as it stands, with the same filters"


def query_digest(path: str, filters: Mapping[str, Any]) -> str:
    """What tells one query from another; limit and chosen fields may change from page to page."""
    named = sorted((name, str(value)) for name, value in filters.items() if value is not None)
    return hashlib.sha256(repr((path, named)).encode()).hexdigest()[:12]


def cursor_of(digest: str, key: Any) -> str:
    """The cursor that goes on after this key, a struct or a tuple."""
    return urlsafe_b64encode(msgspec.json.encode((digest, key))).decode().rstrip("=")


def key_in(cursor: str | None, digest: str, kind: type[T]) -> T | None:
    """The key in a cursor; None without one. Raises Problem (422) unless it is one of this query."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        found, key = msgspec.json.decode(text, type=tuple[str, kind])  # type: ignore[valid-type]
    except (binascii.Error, UnicodeError, ValueError, msgspec.MsgspecError) as error:
        raise invalid("cursor", OTHERS) from error
    if found != digest:
        raise invalid("cursor", OTHERS)
    return key
