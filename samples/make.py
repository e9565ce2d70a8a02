"""Writes the sample feeds, and the manifest that says what is in them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from random import Random
from typing import TypedDict

from samples import feeds
from samples.feeds import COLUMNS, Facts, Feed, Record
from samples.orders import orders

# Which file each feed is delivered as; the order is the one in which they are made.
FILES: dict[str, str] = {
    "sales": "sales_data.csv",
    "transactions": "transactions.csv",
    "products": "products.csv",
    "customers": "customer_data.json",
    "exchange_rates": "exchange_rates.json",
    "orders": "orders.json",
}
MANIFEST = "manifest.json"
# Records written at once: what bounds the memory.
BLOCK = 5_000

_RECORDS: dict[str, Callable[[Feed, Iterator[Facts]], Iterator[Record]]] = {
    "sales": feeds.sales,
    "transactions": feeds.transactions,
    "products": feeds.products,
    "customers": feeds.customers,
    "exchange_rates": feeds.exchange_rates,
    "orders": orders,
}


class FeedManifest(TypedDict):
    """`dirt` is column -> kind -> count; a kind that does not occur is not there. Nested columns are dotted."""

    file: str
    records: int
    bytes: int
    dirt: dict[str, dict[str, int]]


class Manifest(TypedDict):
    seed: int
    clean: bool
    feeds: dict[str, FeedManifest]


def make_samples(
    out: Path,
    *,
    seed: int = 7,
    records: int | Mapping[str, int] = 1000,
    clean: bool = False,
    on_feed: Callable[[str, FeedManifest], None] | None = None,
) -> Manifest:
    """Write the six feeds and `manifest.json` into `out`, made if missing; the same bytes from the same arguments.

    `records` is one size for all feeds, or one per feed (feeds left out get 1000). `on_feed` is called after each feed.
    Memory does not grow with size. Raises ValueError for an unknown feed or a size below 1.
    """
    sizes = _sizes(records)
    out.mkdir(parents=True, exist_ok=True)
    manifest = Manifest(seed=seed, clean=clean, feeds={})
    for name in FILES:
        feed = Feed(Random(f"{seed}:{name}"), sizes[name], sizes, clean)
        made = _write_feed(out / FILES[name], name, feed, seed)
        manifest["feeds"][name] = made
        if on_feed:
            on_feed(name, made)
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _sizes(records: int | Mapping[str, int]) -> dict[str, int]:
    given = dict.fromkeys(FILES, records) if isinstance(records, int) else dict(records)
    if unknown := sorted(given.keys() - FILES.keys()):
        raise ValueError(f"no feed is called {', '.join(unknown)}; the feeds are {', '.join(FILES)}")
    if small := [name for name, count in given.items() if count < 1]:
        raise ValueError(f"{', '.join(small)}: a feed needs at least 1 record")
    return {name: given.get(name, 1000) for name in FILES}


def _write_feed(path: Path, name: str, feed: Feed, seed: int) -> FeedManifest:
    facts = feeds.clean_facts(Random(f"{seed}:facts"), feed.sizes["products"])
    records = _RECORDS[name](feed, facts)
    texts = _csv(COLUMNS[name], records) if path.suffix == ".csv" else _json(COLUMNS[name], records)
    with path.open("w", encoding="utf-8", newline="") as file:
        while block := "".join(islice(texts, BLOCK)):
            file.write(block)
    dirt: dict[str, dict[str, int]] = {}
    for (column, kind), count in sorted(feed.dirt.items()):
        dirt.setdefault(column, {})[kind] = count
    return FeedManifest(file=path.name, records=feed.records, bytes=path.stat().st_size, dirt=dirt)


def _csv(columns: tuple[str, ...], records: Iterable[Record]) -> Iterator[str]:
    """No value needs quotes, so that joining is all there is to writing; lines end with CRLF, as in the real feeds."""
    yield ",".join(columns) + "\r\n"
    for record in records:
        yield ",".join(map(str, record)) + "\r\n"


def _json(columns: tuple[str, ...], records: Iterable[Record]) -> Iterator[str]:
    """An array laid out by hand as `json.dumps(..., indent=4)` would, with CRLF and without a last line end."""
    names = [f"        {json.dumps(column)}: " for column in columns]
    before = "[\r\n"
    for record in records:
        fields = ",\r\n".join(name + json.dumps(value) for name, value in zip(names, record, strict=True))
        yield f"{before}    {{\r\n{fields}\r\n    }}"
        before = ",\r\n"
    yield "\r\n]"
