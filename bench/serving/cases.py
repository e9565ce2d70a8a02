"""What is asked: one page filtered by day, one row, the revenue; each many times, every time of something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

SCOPES = "ingest operate personal read"
FIRST_DAY, DAYS = date(2022, 1, 1), 900


@dataclass(frozen=True)
class Case:
    """A kind of request; `path_of` gives the path and the parameters of the next one."""

    name: str
    path_of: Callable[[Random, int], tuple[str, Mapping[str, str]]]

    def events(self, count: int, rows: int) -> list[dict[str, Any]]:
        """So many API Gateway events; the same ones every time."""
        random = Random(self.name)
        return [_event(*self.path_of(random, rows)) for _ in range(count)]


def _page_of_days(random: Random, _: int) -> tuple[str, Mapping[str, str]]:
    begin = FIRST_DAY + timedelta(days=random.randrange(DAYS))
    return "/v1/sales", {"date_from": str(begin), "date_to": str(begin + timedelta(days=30)), "limit": "100"}


def _one_row(random: Random, rows: int) -> tuple[str, Mapping[str, str]]:
    return f"/v1/sales/{random.randrange(rows // 1000) * 1_000_000 + random.randrange(1, 1000)}", {}


def _revenue(random: Random, _: int) -> tuple[str, Mapping[str, str]]:
    by = random.choice(("month", "category", "location"))
    return "/v1/metrics/revenue", {"by": by, "currency": random.choice(("EUR", "GBP", "JPY"))}


CASES = (
    Case("page of 100 by day", _page_of_days),
    Case("one row by id", _one_row),
    Case("revenue in a currency", _revenue),
)


def _event(path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    """A request as API Gateway hands it to the function (REST, payload 1.0)."""
    return {
        "httpMethod": "GET",
        "path": path,
        "resource": "/{proxy+}",
        "headers": {"accept": "application/json"},
        "multiValueHeaders": {"accept": ["application/json"]},
        "queryStringParameters": dict(parameters) or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in parameters.items()} or None,
        "body": None,
        "isBase64Encoded": False,
        "requestContext": {
            "path": f"/local{path}",
            "stage": "local",
            "authorizer": {"principalId": "bench", "scopes": SCOPES},
        },
    }
