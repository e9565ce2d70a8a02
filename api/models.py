"""What answers look like, for the OpenAPI document. Amounts are JSON numbers with all their digits; times are UTC."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Generic, Literal, Required, TypeVar

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, with_config
from typing_extensions import TypedDict

Item = TypeVar("Item")
Number = Annotated[Decimal, WithJsonSchema({"type": "number"})]
PERSONAL = "Only with the scope `personal`."


class Answer(BaseModel):
    """Says all that it may hold."""

    model_config = ConfigDict(extra="forbid")


class ProblemError(Answer):
    """One thing that is wrong."""

    field: str
    reason: str


class ProblemDetails(Answer):
    """Why a request was not answered (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemError]


class Page(Answer, Generic[Item]):
    """Some rows of a list, and the cursor that goes on after them; null after the last."""

    items: list[Item]
    next_cursor: str | None


class Health(Answer):
    """`built_through`: deliveries that landed before are in the dataset."""

    status: Literal["ok"]
    built_through: datetime | None
    last_run_status: str | None
    last_run_started_at: datetime | None


@with_config(extra="forbid")
class Sale(TypedDict, total=False):
    """A row of the unified dataset; the fields that were asked for."""

    transaction_id: int
    transaction_date: date | None
    quantity: int | None
    amount: Annotated[Number | None, Field(description="In `currency`; null when it is not known, or no rate applies.")]
    currency: str
    base_amount: Annotated[Number | None, Field(description="The amount in the base currency, as `amount` without it.")]
    exchange_rate: Annotated[Number | None, Field(description="Units of `currency` per unit of the base currency.")]
    rate_date: date | None
    date_source: str | None
    quantity_source: str | None
    amount_source: str | None
    product_id: int | None
    product_name: str | None
    category: str | None
    list_price: Number | None
    sale_product_id: int | None
    sale_quantity: int | None
    sale_unit_price: Number | None
    sale_amount: Number | None
    sale_date: date | None
    customer_id: int | None
    customer_name: Annotated[str | None, Field(description=PERSONAL)]
    age: Annotated[int | None, Field(description=PERSONAL)]
    age_band: str | None
    gender: Annotated[str | None, Field(description=PERSONAL)]
    location: str | None
    date_joined: date | None
    has_sale: bool
    has_transaction: bool
    is_product_mismatch: bool
    is_quantity_mismatch: bool
    is_date_mismatch: bool
    is_unknown_product: bool
    is_unknown_customer: bool
    issue_count: int
    is_complete: bool
    sale_load_id: int | None
    sale_row_number: int | None
    transaction_load_id: int | None
    transaction_row_number: int | None


@with_config(extra="forbid")
class RevenueGroup(TypedDict):
    """The revenue of one group."""

    name: Annotated[str | None, Field(description="Month as YYYY-MM, category or location; null when not known.")]
    transactions: int
    amount: Annotated[Number | None, Field(description="Null when nothing could be summed.")]
    without_amount_count: Annotated[int, Field(description="Transactions without a known amount.")]
    unconverted_count: Annotated[int, Field(description="Transactions with an amount, and no rate or day for it.")]


@with_config(extra="forbid")
class Revenue(TypedDict):
    """Revenue by group; each transaction is in one group."""

    by: Literal["month", "category", "location"]
    currency: str
    items: list[RevenueGroup]
    next_cursor: str | None


@with_config(extra="forbid")
class ProductPrice(TypedDict):
    """A product and its list price, in the base currency."""

    product_id: int
    product_name: str | None
    category: str | None
    current_price: Annotated[Number | None, Field(description="Null when the last delivery has no valid one.")]
    previous_price: Annotated[Number | None, Field(description="The valid price before it that differs.")]
    is_current: Annotated[bool, Field(description="Whether the newest delivery holds the product.")]
    price_changed_at: datetime | None


@with_config(extra="forbid")
class Product(TypedDict):
    """A product as last known; amounts in the base currency."""

    product_id: int
    product_name: str | None
    category: str | None
    list_price: Number | None
    stock_available: int | None
    is_current: Annotated[bool, Field(description="Whether the newest delivery holds the product.")]
    valid_from: Annotated[datetime, Field(description="When this version was delivered first.")]
    previous_price: Number | None
    price_changed_at: datetime | None


@with_config(extra="forbid")
class Customer(TypedDict, total=False):
    """A customer as last known."""

    customer_id: Required[int]
    customer_name: Annotated[str | None, Field(description=PERSONAL)]
    age: Annotated[int | None, Field(description=PERSONAL)]
    age_band: Required[str | None]
    gender: Annotated[str | None, Field(description=PERSONAL)]
    location: Required[str | None]
    date_joined: Required[date | None]
    is_current: Required[bool]
    valid_from: Required[datetime]


@with_config(extra="forbid")
class Issue(TypedDict, total=False):
    """A problem with one value of a record that counts."""

    feed: Required[str]
    load_id: Required[int]
    row_number: Required[Annotated[int, Field(description="1 is the first record of the file.")]]
    record_key: Required[str | None]
    column_name: Required[str]
    raw_value: Annotated[str | None, Field(description=PERSONAL)]
    rule: Required[str]
    severity: Required[Literal["error", "warning"]]


@with_config(extra="forbid")
class ValueIssue(TypedDict, total=False):
    """A problem with one value of the record it stands at."""

    column_name: Required[str]
    raw_value: Annotated[str | None, Field(description=PERSONAL)]
    rule: Required[str]
    severity: Required[Literal["error", "warning"]]


@with_config(extra="forbid")
class Place(TypedDict, total=False):
    """Where a record stood."""

    load_id: Required[int]
    object_key: Required[str | None]
    version_id: Required[str | None]
    delivered_at: Required[datetime | None]
    row_number: Required[Annotated[int, Field(description="1 is the first record of the file.")]]
    raw: Annotated[dict[str, str | None] | None, Field(description=f"The texts of the record. {PERSONAL}")]


@with_config(extra="forbid")
class SourceRecord(Place, total=False):
    """A record of sales or of transactions, and why it counts or does not."""

    feed: Required[Literal["sales", "transactions"]]
    state: Required[str]
    reason: Required[str]
    issues: list[ValueIssue]


@with_config(extra="forbid")
class Conversion(TypedDict):
    """The amount in one currency, and the record of the rate; nulls where no rate is early enough."""

    currency_code: str
    amount: Number | None
    exchange_rate: Number | None
    rate_date: date | None
    rate_age_days: int | None
    rate_record: Place | None


@with_config(extra="forbid")
class Provenance(TypedDict):
    """Where a row of the unified dataset comes from."""

    transaction_id: int
    unified: Annotated[Sale | None, Field(description="Null when every record of the id was withdrawn.")]
    sale: SourceRecord | None
    transaction: SourceRecord | None
    earlier: Annotated[list[SourceRecord], Field(description="Those that lost, the newest of each feed first.")]
    conversions: list[Conversion]


@with_config(extra="forbid")
class ReceivedFile(TypedDict):
    """A file that is stored and will be loaded."""

    feed: str
    object_key: str
    version_id: str
    delivery: Annotated[str, Field(description="The path that tells what became of it.")]
    is_new: Annotated[bool, Field(description="False when the same request had stored it before.")]


@with_config(extra="forbid")
class UploadForm(TypedDict):
    """A form for one file, to be sent to S3 itself."""

    url: str
    fields: Annotated[dict[str, str], Field(description="Form fields to send before the file.")]
    object_key: str
    max_bytes: int
    expires_at: datetime
    deliveries: Annotated[str, Field(description="The path that tells what became of it.")]


@with_config(extra="forbid")
class Delivery(TypedDict):
    """One version of an object, and what became of it; the counts are those of the load that holds its content."""

    delivery_id: Annotated[int | None, Field(description="Null until the pipeline has seen it.")]
    feed: str | None
    object_key: str
    version_id: str
    status: Literal["received", "pending", "loaded", "duplicate", "failed", "unrecognized"]
    delivered_at: datetime | None
    bytes: int | None
    attempts: int
    error: str | None
    run_id: int | None
    registered_at: datetime | None
    finished_at: datetime | None
    load_id: int | None
    records_read: int | None
    records_loaded: int | None
    records_rejected: int | None
    blank_lines: int | None


@with_config(extra="forbid")
class Reject(TypedDict, total=False):
    """A record that was refused; byte positions are those of the decompressed file."""

    row_number: Required[Annotated[int, Field(description="1 is the first record of the file.")]]
    line_number: Required[int | None]
    byte_offset: Required[int | None]
    byte_length: Required[int | None]
    rule: Required[str]
    message: Required[str]
    raw_start: Annotated[str | None, Field(description=f"Its first 4 KiB, base64. {PERSONAL}")]


@with_config(extra="forbid")
class DeliveryWithRejects(Delivery):
    """One delivery, and a page of its rejects."""

    rejects: Page[Reject]


@with_config(extra="forbid")
class StartedFetch(TypedDict):
    """A fetch that will begin."""

    connector: str
    fetch_id: str
    state: Annotated[str, Field(description="The path that tells how it goes.")]


@with_config(extra="forbid")
class FetchState(TypedDict):
    """How a fetch goes, or went."""

    fetch_id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    queued_at: datetime
    finished_at: datetime | None
    first_day: date | None
    last_day: date | None
    pages: int | None
    records: int | None
    object_key: Annotated[str | None, Field(description="Null when there was nothing new, or the fetch failed.")]
    version_id: str | None
    error: str | None


@with_config(extra="forbid")
class ConnectorState(TypedDict):
    """What is remembered of a connector."""

    connector: str
    feed: str
    watermark: Annotated[date | None, Field(description="The last day that was fetched.")]
    last_fetch: FetchState | None
