"""What a text in a feed means, decided in plain Python: the standard that the SQL casts are held to.

Shares nothing with the pipeline, its contracts included: formats and rules are written here a second time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

ASCII_BLANKS = " \t\n\v\f\r"
EMPTY = {"", "null", "n/a", "unknown"}
DIGITS = frozenset("0123456789")
BASE_CURRENCY = "USD"

ISO, DAY_FIRST, MONTH_FIRST = ("-", 0, 1, 2, (4, 2, 2)), ("/", 2, 1, 0, (2, 2, 4)), ("-", 2, 0, 1, (2, 2, 4))
"""Separator, where year, month and day stand, and how many digits each part has."""


@dataclass(frozen=True)
class Problem:
    column: str
    raw: str | None
    rule: str
    severity: str


def clean(text: str | None) -> str | None:
    if text is None:
        return None
    stripped = text.strip(ASCII_BLANKS)
    return None if stripped.lower() in EMPTY else stripped


def digits_only(text: str) -> bool:
    return bool(text) and set(text) <= DIGITS


def integer(text: str) -> int | None:
    unsigned = text[1:] if text[0] in "+-" else text
    whole, point, fraction = unsigned.partition(".")
    if not digits_only(whole) or (point and (not fraction or set(fraction) != {"0"})):
        return None
    value = int(whole) * (-1 if text[0] == "-" else 1)
    return value if -(2**63) <= value < 2**63 else None


def small_integer(text: str) -> int | None:
    value = integer(text)
    return value if value is not None and -(2**31) <= value < 2**31 else None


def exact(text: str) -> Decimal:
    """The number before rounding: what a limit is compared with."""
    return Decimal(text)


def decimal(text: str, precision: int, scale: int) -> Decimal | None:
    mantissa, e, exponent = text.replace("E", "e").partition("e")
    unsigned = mantissa[1:] if mantissa[:1] in ("+", "-") else mantissa
    whole, _, fraction = unsigned.partition(".")
    if (whole and not digits_only(whole)) or (fraction and not digits_only(fraction)) or not (whole or fraction):
        return None
    if len(whole) > 40 or len(fraction) > 40:
        return None
    if e:
        power = exponent[1:] if exponent[:1] in ("+", "-") else exponent
        if not digits_only(power) or len(power) > 2:
            return None
    with localcontext() as context:
        context.prec = 300
        value = Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    return value if abs(value) < 10 ** (precision - scale) else None


def money(text: str) -> Decimal | None:
    return decimal(text, 18, 4)


def rate(text: str) -> Decimal | None:
    return decimal(text, 24, 10)


def dated(*notations: tuple[str, int, int, int, tuple[int, int, int]]) -> Callable[[str], date | None]:
    def read(text: str) -> date | None:
        for separator, year, month, day, lengths in notations:
            parts = text.split(separator)
            if tuple(map(len, parts)) == lengths and all(map(digits_only, parts)):
                try:
                    return date(int(parts[year]), int(parts[month]), int(parts[day]))
                except ValueError:
                    return None
        return None

    return read


@dataclass(frozen=True)
class Field:
    """How one column is read. `broken` names the rule that a value breaks, given the day of delivery, or gives null."""

    read: Callable[[str], Any] = str
    unreadable: str = ""
    broken: Callable[[Any, date], str | None] = lambda value, delivered: None
    warning: Callable[[Any], str | None] = lambda value: None
    unrounded: Callable[[str], Any] | None = None


def below(limit: int, *, inclusive: bool = False) -> Callable[[Any, date], str | None]:
    return lambda value, _: "below_minimum" if value < limit or (inclusive and value == limit) else None


def late(value: date, delivered: date) -> str | None:
    return "after_delivery" if value > delivered else None


def age_rule(value: int, _: date) -> str | None:
    return "below_minimum" if value < 0 else "above_maximum" if value > 120 else None


IDENTIFIER = Field(integer, "not_an_integer")
QUANTITY = Field(
    small_integer,
    "not_an_integer",
    below(0, inclusive=True),
    lambda value: "unusually_large" if value > 100 else None,
)
PRICE = Field(money, "not_a_decimal", below(0), unrounded=exact)
TEXT = Field()
ISO_DATE = Field(dated(ISO), "not_a_date", late)

FIELDS: Mapping[str, Mapping[str, Field]] = {
    "sales": {
        "transaction_id": IDENTIFIER,
        "product_id": IDENTIFIER,
        "quantity": QUANTITY,
        "price": PRICE,
        "transaction_date": Field(dated(ISO, DAY_FIRST, MONTH_FIRST), "not_a_date", late),
    },
    "transactions": {
        "transaction_id": IDENTIFIER,
        "customer_id": IDENTIFIER,
        "product_id": IDENTIFIER,
        "quantity": QUANTITY,
        "transaction_date": ISO_DATE,
        "total_amount": PRICE,
    },
    "products": {
        "product_id": IDENTIFIER,
        "product_name": TEXT,
        "category": TEXT,
        "price": PRICE,
        "stock_available": Field(small_integer, "not_an_integer", below(0)),
    },
    "customers": {
        "customer_id": IDENTIFIER,
        "customer_name": TEXT,
        "age": Field(small_integer, "not_an_integer", age_rule),
        "gender": Field(
            str.lower,
            "",
            lambda value, _: None if value in ("male", "female", "non-binary") else "not_an_accepted_value",
        ),
        "location": TEXT,
        "date_joined": ISO_DATE,
    },
    "exchange_rates": {
        "currency_code": Field(str.upper),
        "date": ISO_DATE,
        "exchange_rate": Field(rate, "not_a_decimal", below(0, inclusive=True), unrounded=exact),
    },
}
KEYS = {
    "sales": ("transaction_id",),
    "transactions": ("transaction_id",),
    "products": ("product_id",),
    "customers": ("customer_id",),
    "exchange_rates": ("currency_code", "date"),
}


def standardize(feed: str, record: Mapping[str, str | None], delivered: date) -> tuple[dict[str, Any], list[Problem]]:
    """A record's values after cleaning, reading and judging, and the problems found on the way."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for column, field in FIELDS[feed].items():
        raw = record[column]
        text = clean(raw)
        value = None if text is None else field.read(text)
        if text is None:
            problems.append(Problem(column, raw, "missing", "warning"))
        elif value is None:
            problems.append(Problem(column, raw, field.unreadable, "error"))
        elif broken := field.broken(value, delivered) or (
            field.unrounded and field.broken(field.unrounded(text), delivered)
        ):
            problems.append(Problem(column, raw, broken, "error"))
            value = None
        elif warned := field.warning(value):
            problems.append(Problem(column, raw, warned, "warning"))
        values[column] = value
    if feed == "exchange_rates" and values["currency_code"] == BASE_CURRENCY:
        problems.append(Problem("currency_code", record["currency_code"], "base_currency", "warning"))
    return values, problems
