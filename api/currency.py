"""Amounts in other currencies, by the same rule as marts.sales_in_currency."""

from __future__ import annotations

from api.database import ask
from api.problems import invalid

BASE_CURRENCY = "USD"
"""dbt's variable `base_currency`; a test holds the two together."""

KNOWN = "select exists (select from intermediate.int_rates_as_of where currency_code = :currency) as known"


def converted(amount: str, rate: str) -> str:
    """SQL for an amount at a rate, as dbt's macro to_money has it: null when it does not fit."""
    product = f"{amount} * {rate}"
    return f"case when abs({product}) < 99999999999999.99995 then cast({product} as numeric(18, 4)) end"


def currency_of(asked: str | None) -> str:
    """The code to convert to, in upper case; the base currency when none is asked for.

    Raises Problem (422) when no rate of it was ever delivered.
    """
    code = (asked or BASE_CURRENCY).upper()
    if code != BASE_CURRENCY and not ask(KNOWN, {"currency": code})[0]["known"]:
        raise invalid("currency", f"no usable rate of {code} was ever delivered")
    return code
