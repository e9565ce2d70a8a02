"""The table of prices of a region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml

from xtage.deploy.deployment import PROJECT
from xtage.errors import OperatorError

DIRECTORY = Path("infra", "prices")


class PriceError(OperatorError):
    """A region without a table, or a table that cannot be read."""


@dataclass(frozen=True)
class Price:
    """US dollars for `per` units.

    `charged` is `fixed` for what is paid while the resource is there, `usage` for what is paid by what it does.
    `verified` is false for a price that no page was found for: `source` then is where it has to be looked up.
    """

    usd: float
    per: float
    unit: str
    charged: Literal["fixed", "usage"]
    source: str
    read: date
    verified: bool


@dataclass(frozen=True)
class Prices:
    """The prices of a region, and why some resource types cost nothing by themselves."""

    region: str
    read: date
    prices: Mapping[str, Price]
    free: Mapping[str, str]


def read_prices(region: str, project: Path = PROJECT) -> Prices:
    """The table of a region. Raises PriceError when there is none, or an entry lacks something."""
    path = project / DIRECTORY / f"{region}.yaml"
    try:
        table: dict[str, Any] = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
        raise PriceError(f"there are no prices of {region}, only of {known}", f"write them into {path}") from None
    try:
        prices = {name: _price(entry, table) for name, entry in table["prices"].items()}
        return Prices(table["region"], table["read"], prices, table["free"])
    except (KeyError, TypeError, ValueError) as error:
        raise PriceError(f"{path} cannot be read: {error!r}", "write it as the entries beside it are") from None


def _price(entry: Mapping[str, Any], table: Mapping[str, Any]) -> Price:
    charged = entry["charged"]
    if charged not in ("fixed", "usage"):
        raise ValueError(f"charged is fixed or usage, not {charged}")
    return Price(
        usd=float(entry["usd"]),
        per=float(entry.get("per", 1)),
        unit=entry["unit"],
        charged=charged,
        source=entry["source"],
        read=entry.get("read", table["read"]),
        verified=bool(entry.get("verified", True)),
    )
