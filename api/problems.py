"""What is answered when a request cannot be: problem details (RFC 9457), with the field and the reason."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

import msgspec
from aws_lambda_powertools.event_handler import Response

MEDIA_TYPE = "application/problem+json"


class FieldError(msgspec.Struct, frozen=True):
    """One thing that is wrong: where in the request, and why."""

    field: str
    reason: str


class Problem(Exception):  # noqa: N818 - the term of RFC 9457
    """A request that gets no other answer than this; `str()` is its detail."""

    def __init__(self, status: HTTPStatus, detail: str, errors: Iterable[FieldError] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.errors = tuple(errors)
        self.headers: dict[str, str | list[str]] = {}

    def with_header(self, name: str, value: str) -> Problem:
        """The same, with a header to its answer."""
        self.headers[name] = value
        return self


def invalid(field: str, reason: str) -> Problem:
    """422: a parameter that cannot be used."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"{field}: {reason}", [FieldError(field, reason)])


def not_found(what: str) -> Problem:
    """404: there is no such thing."""
    return Problem(HTTPStatus.NOT_FOUND, what)


def unavailable(detail: str, retry_after_seconds: int) -> Problem:
    """503: nothing is wrong with the request, and later it will be answered."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail).with_header("Retry-After", str(retry_after_seconds))


def answer_to(problem: Problem) -> Response[str]:
    """The response that tells of a problem."""
    body = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": int(problem.status),
        "detail": str(problem),
        "errors": problem.errors,
    }
    return Response(int(problem.status), MEDIA_TYPE, msgspec.json.encode(body).decode(), headers=problem.headers)
