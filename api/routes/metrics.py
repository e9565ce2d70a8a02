"""Revenue by group, from the marts that hold each day's sums."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.answers import answer, page
from api.app import endpoint
from api.currency import BASE_CURRENCY, currency_of
from api.database import ask
from api.keys import Scope
from api.models import Revenue
from api.paging import cursor_of, key_in, query_digest
from api.parameters import DEFAULT_LIMIT, Currency, Cursor, Limit

# The mart, and what it is grouped by.
GROUPS = {
    "month": ("marts.daily_sales", "to_char(sales.transaction_date, 'YYYY-MM')"),
    "category": ("marts.daily_sales", "sales.category"),
    "location": ("marts.daily_sales_by_location", "sales.location"),
}
# A day has one rate, so its sum is converted; what is known to have an amount and adds nothing is counted.
REVENUE = """
    select
        {group} as name,
        cast(sum(sales.transactions) as bigint) as transactions,
        round(sum(sales.amount * {rate}), 4) as amount,
        cast(sum(sales.transactions_without_amount) as bigint) as without_amount_count,
        cast(sum(
            case when {rate} is null then sales.transactions - sales.transactions_without_amount else 0 end
        ) as bigint) as unconverted_count
    from {mart} as sales
    {rates}
    {begin}
    group by 1
    order by 1 nulls last
    limit :most
"""
RATES = """
    left join intermediate.int_rates_as_of as rates
        on sales.transaction_date = rates.transaction_date and rates.currency_code = :currency
"""
AFTER = "where {group} > cast(:after_name as text) or {group} is null"


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The key of a group; the unknown one comes last, so that no page begins after it."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[^\x00]*$")]


@endpoint("GET", "/v1/metrics/revenue", scopes=(Scope.READ,), model=Revenue, tag="metrics")
def get_revenue(
    by: Annotated[Literal["month", "category", "location"], Query(description="What to group by.")] = "month",
    currency: Currency = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[str]:
    """Sum up the revenue by month, category or location

    `name` is null for what is not known. Amounts are converted with the last valid rate on or before each day.
    `unconverted_count` transactions have an amount and no such rate, or no day; `without_amount_count` have no amount:
    neither is in the sum.
    """
    digest = query_digest("revenue", {"by": by, "currency": currency})
    after = key_in(cursor, digest, Position)
    code = currency_of(currency)
    converts = code != BASE_CURRENCY
    mart, group = GROUPS[by]
    statement = REVENUE.format(
        group=group,
        mart=mart,
        rate="rates.exchange_rate" if converts else "1",
        rates=RATES if converts else "",
        begin=AFTER.format(group=group) if after else "",
    )
    given: dict[str, Any] = {"currency": code, "most": limit + 1}
    rows = ask(statement, given | ({"after_name": after.name} if after else {}))
    shown = page(rows, limit, lambda row: cursor_of(digest, Position(row["name"])))
    return answer({"by": by, "currency": code, **shown})
