"""The unified dataset: a page of its rows, or one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.answers import answer, page
from api.app import app, endpoint
from api.currency import BASE_CURRENCY, converted, currency_of
from api.database import Row, ask
from api.keys import Scope
from api.models import Page, Sale
from api.paging import BigInteger, cursor_of, key_in, query_digest
from api.parameters import DEFAULT_LIMIT, Currency, Cursor, Day, Id, IdFilter, Limit, Word
from api.problems import invalid, not_found
from api.scopes import PERSONAL, require, scopes_of, visible

FIELDS = tuple(Sale.__annotations__)

CONDITIONS = {
    "date_from": "transaction_date >= :date_from",
    "date_to": "transaction_date <= :date_to",
    "category": "category = :category",
    "customer_id": "customer_id = :customer_id",
    "product_id": "product_id = :product_id",
    "is_complete": "is_complete = :is_complete",
}
DATED, UNDATED = "transaction_date is not null", "transaction_date is null"
AFTER = "(transaction_date, transaction_id) > (cast(:after_date as date), :after_id)"
UNDATED_AFTER = "transaction_id > :after_id"

# The rows are found first, by an index that has them in this order; the rates of those few are looked up then.
# The database writes a row's JSON: reading 36 values one by one would take this function longer than finding them.
FOUND = """
    select
        sales.transaction_date, sales.transaction_id,
        cast((select row_to_json(item) from (select {fields}) as item) as text) as item
    from (
        select * from marts.unified_sales where {conditions} order by transaction_date, transaction_id limit :most
    ) as sales
    {rates}
    order by sales.transaction_date, sales.transaction_id
"""
RATES = """
    left join intermediate.int_rates_as_of as rates
        on sales.transaction_date = rates.transaction_date and rates.currency_code = :currency
"""
IN_BASE_CURRENCY = {
    "currency": f"'{BASE_CURRENCY}'",
    "base_amount": "sales.amount",
    "exchange_rate": "cast(null as numeric)",
    "rate_date": "cast(null as date)",
}
IN_CURRENCY = {
    "amount": converted("sales.amount", "rates.exchange_rate"),
    "currency": "cast(:currency as text)",
    "base_amount": "sales.amount",
    "exchange_rate": "rates.exchange_rate",
    "rate_date": "rates.rate_date",
}

Fields = Annotated[
    str | None,
    Query(
        max_length=1000,
        pattern=r"^[a-z_]+(,[a-z_]+)*$",
        description="Fields to show, separated by commas. customer_name, age and gender need the scope `personal`.",
        openapi_examples={"few": {"value": "transaction_id,transaction_date,amount"}},
    ),
]


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The key of a row, in the order of the list."""

    day: date | None
    transaction_id: BigInteger


@endpoint("GET", "/v1/sales", scopes=(Scope.READ,), model=Page[Sale], tag="sales")
def list_sales(
    date_from: Annotated[Day | None, Query(description="First day (UTC).")] = None,
    date_to: Annotated[Day | None, Query(description="Last day (UTC).")] = None,
    category: Annotated[Word | None, Query()] = None,
    customer_id: IdFilter = None,
    product_id: IdFilter = None,
    is_complete: Annotated[bool | None, Query()] = None,
    currency: Currency = None,
    fields: Fields = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[str]:
    """List rows of the unified dataset

    In the order of their day and id; rows without a known day come last, and not at all with `date_from` or `date_to`.
    """
    if date_from and date_to and date_from > date_to:
        raise invalid("date_from", "is after date_to")
    filters = {
        "date_from": date_from,
        "date_to": date_to,
        "category": category,
        "customer_id": customer_id,
        "product_id": product_id,
        "is_complete": is_complete,
    }
    digest = query_digest("sales", filters | {"currency": currency})
    after = key_in(cursor, digest, Position)
    chosen = _chosen(fields)
    rows = _page(filters, after, limit, chosen, currency_of(currency))
    return answer(page(rows, limit, lambda row: cursor_of(digest, _position(row)), _json))


@endpoint(
    "GET",
    "/v1/sales/{transaction_id}",
    scopes=(Scope.READ,),
    model=Sale,
    tag="sales",
    refusals={HTTPStatus.NOT_FOUND: "No row has this id."},
)
def get_sale(transaction_id: Id, currency: Currency = None, fields: Fields = None) -> Response[str]:
    """Read one row of the unified dataset"""
    chosen = _chosen(fields)
    conditions, parameters = ["transaction_id = :transaction_id"], {"transaction_id": transaction_id}
    rows = _find(conditions, parameters, 1, chosen, currency_of(currency))
    if not rows:
        raise not_found(f"no row of the dataset has the id {transaction_id}")
    return answer(msgspec.Raw(_json(rows[0])))


def _json(row: Mapping[str, Any]) -> bytes:
    return str(row["item"]).encode()


def _position(row: Mapping[str, Any]) -> Position:
    return Position(row["transaction_date"], row["transaction_id"])


def _page(
    filters: Mapping[str, Any], after: Position | None, limit: int, chosen: Sequence[str], currency: str
) -> list[Row]:
    """Up to `limit + 1` rows after a key: those with a day, then those without."""
    given = {name: value for name, value in filters.items() if value is not None}
    conditions = [CONDITIONS[name] for name in given]
    most = limit + 1
    rows: list[Row] = []
    if after is None or after.day is not None:
        begin = {} if after is None else {"after_date": after.day, "after_id": after.transaction_id}
        rows = _find([*conditions, DATED, *([AFTER] if begin else [])], given | begin, most, chosen, currency)
    if len(rows) < most and not {"date_from", "date_to"} & set(given):
        begin = {"after_id": after.transaction_id} if after is not None and after.day is None else {}
        conditions = [*conditions, UNDATED, *([UNDATED_AFTER] if begin else [])]
        rows += _find(conditions, given | begin, most - len(rows), chosen, currency)
    return rows


def _find(
    conditions: Iterable[str], parameters: Mapping[str, Any], most: int, chosen: Sequence[str], currency: str
) -> list[Row]:
    """Rows in order: their key, and the chosen fields as JSON."""
    converts = currency != BASE_CURRENCY
    computed = IN_CURRENCY if converts else IN_BASE_CURRENCY
    statement = FOUND.format(
        fields=", ".join(f"{computed.get(name, f'sales.{name}')} as {name}" for name in chosen),
        conditions=" and ".join(conditions),
        rates=RATES if converts else "",
    )
    return ask(statement, {**parameters, "most": most, "currency": currency})


def _chosen(fields: str | None) -> list[str]:
    """The fields to show: those asked for, or all that the caller may see. Raises Problem for others."""
    held = scopes_of(app.current_event.raw_event)
    if fields is None:
        return visible(FIELDS, held)
    names = list(dict.fromkeys(fields.split(",")))
    if unknown := [name for name in names if name not in FIELDS]:
        raise invalid("fields", f"{', '.join(unknown[:10])[:200]}: there is no such field; /v1/docs lists them")
    if set(names) & set(PERSONAL):
        require(held, [Scope.PERSONAL])
    return names
