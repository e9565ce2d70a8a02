"""The sales that every benchmark file holds: the same record numbers give the same values in every form of file."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

HEADER = (
    "Order_ID,Order_Date,Store_ID,Customer_ID,Customer_Name,Product_ID,Product_Name,"
    "Category,Quantity,Unit_Price,Total_Amount,Currency,Remark"
)
COLUMNS = tuple(HEADER.split(","))
NUMBERS = {"Store_ID", "Customer_ID", "Product_ID", "Quantity", "Unit_Price", "Total_Amount"}
QUOTED_EVERY = 3
"""One record in three has a field that needs quotes."""
TWO_LINES_EVERY = 90
"""About one record in a hundred goes over two lines; these are among the quoted ones."""
NON_ASCII_EVERY = 20
POOL = 3_000
"""Records repeat after so many, but for their number: enough that nothing in between can profit from it. A multiple of
`QUOTED_EVERY`, so that the share of quoted records is exact."""
BLOCK = 10_000
"""Records per block of text that a file maker writes."""

_NAMES = ("Ada Okafor", "Ben Carter", "Chloe Martin", "Dmitri Volkov", "Elena Rossi", "Farid Haddad", "Grace Lee")
_NON_ASCII_NAMES = ("José Núñez", "Zoë Müller", "Łukasz Żak", "陳大文")
_PRODUCTS = ("Desk lamp", "Office chair", "Notebook A5", "Wireless mouse", "Standing desk", "Water bottle 750 ml")
_CATEGORIES = ("Furniture", "Lighting", "Stationery", "Electronics", "Kitchen")
_REMARKS = ("", "", "phone order", "repeat customer", "collected in store")
_QUOTED_REMARKS = (
    "gift wrap, no invoice",
    "deliver to side door, ring twice",
    'customer said "as soon as possible"',
)
_REMARK_OF_TWO_LINES = "second floor, left\nno lift"


@dataclass(frozen=True)
class Sale:
    """One record without its number: texts as they stand in a file, in the order of the columns after `Order_ID`."""

    values: tuple[str, ...]

    def as_csv(self) -> str:
        """The record after its number: from the first delimiter to the line end."""
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(("", *self.values))
        return line.getvalue()

    def as_json(self, instead: Mapping[str, str] = MappingProxyType({})) -> str:
        """The record as a JSON object after the value of its first name; `instead` has JSON for some of the others.

        Ids, counts and amounts are numbers.
        """
        texts = {
            name: value if name in NUMBERS else json.dumps(value, ensure_ascii=False)
            for name, value in zip(COLUMNS[1:], self.values, strict=True)
        }
        return ", ".join(f'"{name}": {text}' for name, text in (texts | dict(instead)).items())

    def as_nested_json(self) -> str:
        """As `as_json`, with an object for the customer's name and a list of objects for the remark."""
        first, _, last = self.values[3].partition(" ")
        name, remark = {"first": first, "last": last}, [{"text": self.values[-1], "place": 1}]
        nested = {"Customer_Name": json.dumps(name, ensure_ascii=False), "Remark": json.dumps(remark)}
        return self.as_json(nested)


def sales(seed: int = 11) -> tuple[Sale, ...]:
    """The `POOL` records that files repeat, the same for the same seed."""
    chance = random.Random(seed)
    return tuple(_sale(chance, position) for position in range(POOL))


def _sale(chance: random.Random, position: int) -> Sale:
    quantity, cents = chance.randint(1, 12), chance.randint(99, 99_999)
    names = _NON_ASCII_NAMES if position % NON_ASCII_EVERY == 1 else _NAMES
    remarks = _QUOTED_REMARKS if position % QUOTED_EVERY == 0 else _REMARKS
    remark = chance.choice(remarks) if position % TWO_LINES_EVERY else _REMARK_OF_TWO_LINES
    day = f"{chance.randint(2022, 2025)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
    return Sale(
        (
            day,
            str(chance.randint(1, 400)),
            str(chance.randint(1, 900_000)),
            chance.choice(names),
            str(chance.randint(1001, 9999)),
            chance.choice(_PRODUCTS),
            chance.choice(_CATEGORIES),
            str(quantity),
            _money(cents),
            _money(cents * quantity),
            chance.choice(("USD", "EUR", "GBP", "CHF")),
            remark,
        )
    )


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"


def blocks(texts: list[str], rows: int, start: str = "") -> Iterator[list[str]]:
    """Numbers the texts from 1 to `rows`, again and again from the first text: lists of at most `BLOCK` records."""
    numbered = (f"{start}{number}{texts[(number - 1) % len(texts)]}" for number in range(1, rows + 1))
    while block := list(islice(numbered, BLOCK)):
        yield block
