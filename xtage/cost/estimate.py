"""The estimate: each resource by its meters and their prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from xtage.cost.meters import METERS, Item
from xtage.cost.prices import Prices
from xtage.cost.volume import DAYS, GIGABYTE, Usage, Volume
from xtage.templates import Resource


@dataclass(frozen=True)
class Line:
    """One resource: US dollars a month for being there, and for what it does."""

    resource: Resource
    counted: str
    fixed: float
    usage: float


@dataclass(frozen=True)
class Estimate:
    """A month of a stage in US dollars.

    `free` are the resources that cost nothing by themselves, with the reason; `unpriced` those that the table does not
    know, with what it lacks: a type, or the price of a size. `unverified` names the prices in the sums that no page was
    found for.
    """

    lines: list[Line]
    free: list[tuple[Resource, str]]
    unpriced: list[tuple[Resource, str]]
    unverified: list[str]

    @property
    def fixed(self) -> float:
        return sum(line.fixed for line in self.lines)

    @property
    def usage(self) -> float:
        return sum(line.usage for line in self.lines)

    @property
    def total(self) -> float:
        return self.fixed + self.usage


def estimate(resources: Iterable[Resource], volume: Volume, prices: Prices) -> Estimate:
    """What these resources cost with this volume."""
    resources = list(resources)
    usage = Usage.of(volume, resources)
    made = Estimate([], [], [], [])
    used: set[str] = set()
    for resource in resources:
        if resource.type in METERS:
            items = METERS[resource.type](resource.properties, usage)
            used.update(item.price for item in items)
            _add(made, resource, items, prices)
        elif resource.type in prices.free:
            made.free.append((resource, prices.free[resource.type]))
        else:
            made.unpriced.append((resource, resource.type))
    made.unverified.extend(sorted(name for name in used if name in prices.prices and not prices.prices[name].verified))
    made.lines.sort(key=lambda line: (-line.fixed - line.usage, line.resource.id))
    return made


def per_gigabyte(resources: Iterable[Resource], volume: Volume, prices: Prices) -> float:
    """What a month costs more when one gigabyte more is dropped in each, in as many files."""
    resources = list(resources)
    files = volume.files_per_day * DAYS
    if not files:
        return 0.0
    more = replace(volume, bytes_per_file=volume.bytes_per_file + GIGABYTE / files)
    return estimate(resources, more, prices).total - estimate(resources, volume, prices).total


def _add(made: Estimate, resource: Resource, items: list[Item], prices: Prices) -> None:
    missing = sorted({item.price for item in items} - set(prices.prices))
    made.unpriced.extend((resource, name) for name in missing)
    known = [item for item in items if item.price in prices.prices]
    if not items:
        made.free.append((resource, "this kind of it costs nothing"))
    if not known:
        return
    sums = {"fixed": 0.0, "usage": 0.0}
    for item in known:
        price = prices.prices[item.price]
        sums[price.charged] += item.quantity / price.per * price.usd
    counted = "; ".join(item.counted for item in known if item.counted)
    made.lines.append(Line(resource, counted, sums["fixed"], sums["usage"]))
