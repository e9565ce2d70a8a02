"""GET requests to one host and no other: https only, certificate and name checked, addresses looked at first.

A name is resolved once per request and the connection goes to the address that was looked at, so that a name which
changes its mind in between leads nowhere else.
"""

from __future__ import annotations

import random
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from urllib.parse import urljoin, urlsplit

import urllib3

from api.connectors.errors import FetchError, PassingError

CONNECT_SECONDS, READ_SECONDS = 10, 30
ATTEMPTS = 5
MOST_REDIRECTS = 3
MOST_PAGE_BYTES = 32 * 2**20
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0


@dataclass(frozen=True)
class Answer:
    """A page as it came. `url` is the address that answered, after redirects; header names are lower case."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Asks one host. `seconds_left` bounds how long it waits for it to recover."""

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        requests_per_second: float,
        seconds_left: Callable[[], float],
        *,
        allow_private: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self._host = _place(base_url)
        self._headers = headers
        self._interval = 1 / requests_per_second
        self._seconds_left = seconds_left
        self._allow_private = allow_private
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._next_request_at = 0.0

    def get(self, url: str) -> Answer:
        """One page. What may pass is tried again, up to five times; raises FetchError for the rest."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._follow(url)
            except PassingError as error:
                pause = error.wait if error.wait is not None else self._pause(attempt)
                if attempt == ATTEMPTS or pause > self._seconds_left():
                    raise
                time.sleep(pause)
        raise AssertionError("the last attempt answers or raises")

    def _pause(self, attempt: int) -> float:
        # Full jitter: callers that failed together do not come back together.
        return random.uniform(0, min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE))

    def _follow(self, url: str) -> Answer:
        for _ in range(MOST_REDIRECTS + 1):
            answer, redirect = self._request(url)
            if redirect is None:
                return answer
            url = urljoin(url, redirect)
        raise FetchError(f"{_shown(url)} redirects for ever", "correct the connector's path")

    def _request(self, url: str) -> tuple[Answer, str | None]:
        host, port = self._same_host(url)
        address = self._address(host, port)
        self._keep_the_rate()
        parts = urlsplit(url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        pool = urllib3.HTTPSConnectionPool(
            address, port, ssl_context=self._tls, server_hostname=host, assert_hostname=host, retries=False
        )
        try:
            response = pool.request(
                "GET",
                target,
                headers={"Host": parts.netloc, "Accept": "application/json", **self._headers},
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
                redirect=False,
                preload_content=False,
            )
            with response:
                return self._answer(url, response)
        except urllib3.exceptions.SSLError as error:
            raise FetchError(f"{host} has no valid certificate: {error}", "see to the other side's TLS") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise PassingError(f"{_shown(url)} could not be read: {type(error).__name__}") from error
        finally:
            pool.close()

    def _answer(self, url: str, response: urllib3.BaseHTTPResponse) -> tuple[Answer, str | None]:
        status = response.status
        headers = {name.lower(): value for name, value in response.headers.items()}
        if status in (301, 302, 303, 307, 308):
            return Answer(url, headers, b""), headers.get("location", "")
        if status == 429 or status >= 500:
            raise PassingError(f"{_shown(url)} answered {status}", _retry_after(headers.get("retry-after")))
        if status in (401, 403):
            raise FetchError(
                f"{_shown(url)} answered {status}: the token is wrong or expired", "renew it in its secret"
            )
        if status != 200:
            raise FetchError(f"{_shown(url)} answered {status}", "correct the connector's path and parameters")
        return Answer(url, headers, self._body(url, response)), None

    def _body(self, url: str, response: urllib3.BaseHTTPResponse) -> bytes:
        body = bytearray()
        for block in response.stream(1 << 16, decode_content=True):
            body += block
            if len(body) > MOST_PAGE_BYTES:
                raise FetchError(f"{_shown(url)} has more than {MOST_PAGE_BYTES} bytes", "ask for smaller pages")
            if self._seconds_left() < 0:
                raise FetchError(f"{_shown(url)} came too slowly", "fetch again later, or ask for a shorter range")
        return bytes(body)

    def _same_host(self, url: str) -> tuple[str, int]:
        place = _place(url)
        if place != self._host:
            raise FetchError(
                f"{_shown(url)} is another host",
                f"nothing is fetched from elsewhere than {self._host[0]}:{self._host[1]}",
            )
        return place

    def _address(self, host: str, port: int) -> str:
        try:
            found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except OSError as error:
            raise PassingError(f"{host} cannot be resolved: {error}") from error
        if not self._allow_private and any(not ip_address(one.partition("%")[0]).is_global for one in found):
            raise FetchError(f"{host} is a private address", "set allow_private_addresses if it is meant to be one")
        return found[0]

    def _keep_the_rate(self) -> None:
        pause = self._next_request_at - time.monotonic()
        if pause > 0:
            time.sleep(pause)
        self._next_request_at = time.monotonic() + self._interval


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise FetchError(f"{_shown(url)} is no https address", "nothing is fetched without TLS")
    return parts.hostname, parts.port or 443


def _shown(url: str) -> str:
    """An address without its query, which may hold what is nobody's business."""
    return url.partition("?")[0][:300]


def _retry_after(text: str | None) -> float | None:
    """Seconds, from a number or a date (RFC 9110); None when there is none that can be read."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
