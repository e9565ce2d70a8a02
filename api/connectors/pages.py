"""The pages of a source, one after the other, each record byte for byte as it came."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import msgspec

from api.connectors.definition import ByLink, ByPage, Connector
from api.connectors.errors import FetchError
from api.connectors.http import Answer, Client

MOST_PAGES = 10_000
NEXT = re.compile(r'<([^>]*)>\s*;[^,<]*\brel\s*=\s*"?(?:[^"]*\s)?next\b', re.IGNORECASE)


def pages(connector: Connector, client: Client, parameters: Mapping[str, str]) -> Iterator[list[msgspec.Raw]]:
    """The records of each page. Raises FetchError when one is broken, of another type, or one that came before."""
    seen: dict[str, int] = {}
    url: str | None = _first(connector, parameters)
    for number in range(1, MOST_PAGES + 1):
        if url is None:
            return
        _refuse_repeated(seen, number, url)
        answer = client.get(url)
        records = _records(connector, answer, number)
        if records:
            _refuse_repeated(seen, number, hashlib.sha256(answer.body).hexdigest())
        yield records
        url = _next(connector, answer, url, number, len(records))
    raise FetchError(f"there are more than {MOST_PAGES} pages", "ask for a shorter range, or larger pages")


def _first(connector: Connector, parameters: Mapping[str, str]) -> str:
    paging = connector.paging
    asked = dict(parameters)
    if isinstance(paging, ByPage):
        asked[paging.parameter] = str(paging.first)
        if paging.size_parameter and paging.size:
            asked[paging.size_parameter] = str(paging.size)
    return _with(connector.url, asked)


def _next(connector: Connector, answer: Answer, url: str, number: int, records: int) -> str | None:
    """The address of the page after this one; None after the last."""
    paging = connector.paging
    if isinstance(paging, ByLink):
        found = NEXT.search(answer.headers.get("link", ""))
        return urljoin(answer.url, found[1]) if found else None
    if not records or (paging.size is not None and records < paging.size):
        return None
    return _with(url, {paging.parameter: str(paging.first + number)})


def _with(url: str, parameters: Mapping[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **parameters})))


def _records(connector: Connector, answer: Answer, number: int) -> list[msgspec.Raw]:
    content_type = answer.headers.get("content-type", "")
    if not re.fullmatch(r"application/([\w.+-]+\+)?json", content_type.partition(";")[0].strip().lower()):
        raise FetchError(f"page {number} is {content_type[:60] or 'of no type'}, not JSON", "see what answers there")
    try:
        # JSON is UTF-8 (RFC 8259); the texts inside the records are not looked at below.
        answer.body.decode()
        found: Any = msgspec.Raw(answer.body)
        for name in connector.records.split(".") if connector.records else ():
            found = msgspec.json.decode(found, type=dict[str, msgspec.Raw])[name]
        records = msgspec.json.decode(found, type=list[msgspec.Raw])
        # Each must be an object; a list of texts is no list of records.
        for record in records:
            msgspec.json.decode(record, type=dict[str, msgspec.Raw])
    except KeyError as error:
        raise FetchError(f"page {number} has no {error}", "correct `records` in the connector") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FetchError(
            f"page {number} is broken: {error}", "fetch again; if it stays, see to the other side"
        ) from None
    return records


def _refuse_repeated(seen: dict[str, int], number: int, mark: str) -> None:
    """Remembers a page by its address or its content. Raises FetchError for one that came before."""
    if mark in seen:
        remedy = "see to the other side's paging, or correct the connector's"
        raise FetchError(f"page {number} is page {seen[mark]} again", remedy)
    seen[mark] = number
