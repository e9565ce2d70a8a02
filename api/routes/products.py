"""Products: their prices as a list, one product whole."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Query

from api.answers import answer, page
from api.app import endpoint
from api.database import ask
from api.keys import Scope
from api.models import Page, Product, ProductPrice
from api.paging import BigInteger, cursor_of, key_in, query_digest
from api.parameters import DEFAULT_LIMIT, Cursor, Id, Limit, Moment, Word
from api.problems import invalid, not_found

PRICES = """
    select product_id, product_name, category, current_price, previous_price, is_current, price_changed_at
    from marts.product_prices
    where {conditions}
    order by product_id
    limit :most
"""
CONDITIONS = {
    "category": "category = :category",
    "changed_since": "price_changed_at >= cast(:changed_since as timestamp)",
    "after_id": "product_id > :after_id",
}
PRODUCT = """
    select
        products.product_id, products.product_name, products.category, products.list_price, products.stock_available,
        products.is_current, products.valid_from, prices.previous_price, prices.price_changed_at
    from marts.dim_products as products
    left join marts.product_prices as prices on products.product_id = prices.product_id
    where products.product_id = :product_id
"""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """The key of a product."""

    product_id: BigInteger


@endpoint("GET", "/v1/products/prices", scopes=(Scope.READ,), model=Page[ProductPrice], tag="products")
def list_prices(
    category: Annotated[Word | None, Query()] = None,
    changed_since: Annotated[
        Moment | None, Query(description="Prices that changed then or later; UTC unless it names a zone.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Response[str]:
    """List products with their prices

    Every product ever delivered, in the order of the ids; `is_current` tells whether the newest delivery holds it.
    """
    filters: dict[str, Any] = {"category": category, "changed_since": _in_utc(changed_since)}
    digest = query_digest("prices", filters)
    after = key_in(cursor, digest, Position)
    filters["after_id"] = after.product_id if after else None
    given = {name: value for name, value in filters.items() if value is not None}
    conditions = " and ".join(["true", *(CONDITIONS[name] for name in given)])
    rows = ask(PRICES.format(conditions=conditions), given | {"most": limit + 1})
    return answer(page(rows, limit, lambda row: cursor_of(digest, Position(row["product_id"]))))


@endpoint(
    "GET",
    "/v1/products/{product_id}",
    scopes=(Scope.READ,),
    model=Product,
    tag="products",
    refusals={HTTPStatus.NOT_FOUND: "No delivery ever held this product."},
)
def get_product(product_id: Id) -> Response[str]:
    """Read one product, as last known"""
    rows = ask(PRODUCT, {"product_id": product_id})
    if not rows:
        raise not_found(f"no delivery ever held the product {product_id}")
    return answer(rows[0])


def _in_utc(moment: datetime | None) -> datetime | None:
    """As the tables have it: UTC, without a zone."""
    if moment is None or moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise invalid("changed_since", "is no time in UTC") from None
