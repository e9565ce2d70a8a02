"""What is doubtful in the records that count."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.answers import answer, page
from api.app import app, endpoint
from api.database import ask
from api.keys import Scope
from api.models import Issue, Page
from api.paging import BigInteger, cursor_of, key_in, query_digest
from api.parameters import DEFAULT_LIMIT, Cursor, IdFilter, Limit, Word
from api.scopes import scopes_of, visible

FIELDS = tuple(Issue.__annotations__)
KEY = ("load_id", "row_number", "column_name", "rule")
ISSUES = """
    select {fields} from marts.data_issues
    where {conditions}
    order by load_id, row_number, column_name, rule
    limit :most
"""
CONDITIONS = {
    "feed": "feed = :feed",
    "load_id": "load_id = :load_id",
    "column": "column_name = :column",
    "rule": "rule = :rule",
    "severity": "severity = :severity",
}
AFTER = (
    "(load_id, row_number, column_name, rule)"
    " > (:after_load_id, :after_row_number, cast(:after_column_name as text), cast(:after_rule as text))"
)


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The key of an issue."""

    load_id: BigInteger
    row_number: BigInteger
    column_name: Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]
    rule: Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


@endpoint("GET", "/v1/issues", scopes=(Scope.READ,), model=Page[Issue], tag="issues")
def list_issues(
    feed: Annotated[Word | None, Query()] = None,
    load_id: IdFilter = None,
    column: Annotated[Word | None, Query()] = None,
    rule: Annotated[Word | None, Query()] = None,
    severity: Annotated[Literal["error", "warning"] | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[str]:
    """List problems with values of the records that count

    In the order of load and row; `error`: the value became null, `warning`: it is kept, or missing. The value as it
    stood in the file (`raw_value`) only with the scope `personal`.
    """
    filters = {"feed": feed, "load_id": load_id, "column": column, "rule": rule, "severity": severity}
    digest = query_digest("issues", filters)
    given: dict[str, Any] = {name: value for name, value in filters.items() if value is not None}
    conditions = ["true", *(CONDITIONS[name] for name in given)]
    if after := key_in(cursor, digest, Position):
        conditions.append(AFTER)
        given |= {f"after_{name}": getattr(after, name) for name in KEY}
    shown = visible(FIELDS, scopes_of(app.current_event.raw_event))
    statement = ISSUES.format(fields=", ".join(shown), conditions=" and ".join(conditions))
    rows = ask(statement, given | {"most": limit + 1})
    return answer(page(rows, limit, lambda row: cursor_of(digest, Position(*(row[name] for name in KEY)))))
