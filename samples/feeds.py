"""What stands in each sample feed: the records, and what is wrong with them.

The shapes and the rates of dirt are those of the feeds the pipeline was built for: dates in three formats, 2 to 5 % of
values missing, negative amounts, products that no product file knows, totals with binary noise, exchange rates quoted
twice for a day. A record is a tuple of values in the order of `COLUMNS`: int, float or text; None is JSON's null. The
orders feed is in `samples.orders`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice, product
from random import Random
from string import ascii_uppercase

Value = int | float | str | None
Nested = Mapping[str, Value] | Sequence[Mapping[str, Value]]
Record = tuple[Value | Nested, ...]

COLUMNS: dict[str, tuple[str, ...]] = {
    "sales": ("Transaction_ID", "Product_ID", "Quantity", "Price", "Transaction_Date"),
    "transactions": ("Transaction_ID", "Customer_ID", "Product_ID", "Quantity", "Transaction_Date", "Total_Amount"),
    "products": ("Product_ID", "Product_Name", "Category", "Price", "Stock_Available"),
    "customers": ("Customer_ID", "Customer_Name", "Age", "Gender", "Location", "Date_Joined"),
    "exchange_rates": ("Currency_Code", "Exchange_Rate", "Date"),
    "orders": ("order_id", "customer_id", "placed_at", "shipping", "lines", "payments"),
}
SALES_YEAR = [date(2022, 1, 1) + timedelta(days) for days in range(365)]
JOINING_YEAR = [date(2020, 1, 1) + timedelta(days) for days in range(366)]
SALES_DATE_FORMATS = (("iso", "%Y-%m-%d"), ("slash_day_first", "%d/%m/%Y"), ("dash_month_first", "%m-%d-%Y"))
CATEGORIES = ("Electronics", "Clothing", "Furniture", "Books", "Toys")
NAMES = ("John Doe", "Jane Smith", "Alice Johnson", "Bob Lee", "Charlie Brown")
GENDERS = ("Male", "Female", "Non-binary")
STATES = ("California", "Texas", "Florida", "New York")
CURRENCIES = ("EUR", "GBP", "JPY", "AUD")
BASE_CURRENCY = "USD"
UNKNOWN_PRODUCTS = 5


@dataclass
class Feed:
    """One feed being made: its random numbers, and the count of each kind of dirt by (column, kind)."""

    rng: Random
    records: int
    sizes: dict[str, int]
    clean: bool
    dirt: Counter[tuple[str, str]] = field(default_factory=Counter)

    def chance(self, share: float, column: str, kind: str) -> bool:
        """True in `share` of the calls, never in a clean feed; counted as dirt when true."""
        if self.clean or self.rng.random() >= share:
            return False
        self.dirt[column, kind] += 1
        return True

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1; cheaper than `randrange` and the same in every Python."""
        return int(self.rng.random() * count)

    def amount(self, column: str, lowest: int, highest: int, scale: int = 100) -> float:
        """lowest / scale .. highest / scale; clean feeds have no value below 1 / scale. Negative ones are counted."""
        low = 1 if self.clean else lowest
        number = low + self.below(highest - low + 1)
        if number < 0:
            self.dirt[column, "negative"] += 1
        return number / scale


@dataclass(frozen=True)
class Facts:
    """What the sale and the transaction of one id agree on, in clean feeds."""

    product_id: int
    quantity: int
    price: float
    date: date


def clean_facts(rng: Random, products: int) -> Iterator[Facts]:
    """The same sequence from the same seed, so that both feeds can be made one after the other."""
    while True:
        yield Facts(
            product_id=1 + int(rng.random() * products),
            quantity=1 + int(rng.random() * 10),
            price=(1 + int(rng.random() * 20_000)) / 100,
            date=SALES_YEAR[int(rng.random() * 365)],
        )


def sales(feed: Feed, facts: Iterator[Facts]) -> Iterator[Record]:
    """Product ids just above those of the products feed, so that no join on them finds anything."""
    first_unknown = feed.sizes["products"] + 1
    texts = [[day.strftime(pattern) for day in SALES_YEAR] for _, pattern in SALES_DATE_FORMATS]
    for number in range(1, feed.records + 1):
        if feed.clean:
            fact = next(facts)
            yield number, fact.product_id, fact.quantity, fact.price, fact.date.isoformat()
            continue
        product_id = first_unknown + feed.below(UNKNOWN_PRODUCTS)
        feed.dirt["Product_ID", "unknown_product"] += 1
        yield number, product_id, quantity(feed), _price(feed), _sale_date(feed, texts)


def quantity(feed: Feed, column: str = "Quantity") -> int:
    """Units of a sale or of an order's line."""
    draw = feed.rng.random()
    for limit, value, kind in ((0.007, -1, "negative"), (0.012, 0, "zero"), (0.020, 1000, "above_100")):
        if draw < limit:
            feed.dirt[column, kind] += 1
            return value
    return 1 + feed.below(10)


def _price(feed: Feed) -> Value:
    if feed.chance(0.045, "Price", "missing"):
        return ""
    return feed.amount("Price", -5_000, 15_000)


def _sale_date(feed: Feed, texts: list[list[str]]) -> str:
    if feed.chance(0.031, "Transaction_Date", "missing"):
        return ""
    form = feed.below(len(SALES_DATE_FORMATS))
    feed.dirt["Transaction_Date", SALES_DATE_FORMATS[form][0]] += 1
    return texts[form][feed.below(365)]


def transactions(feed: Feed, facts: Iterator[Facts]) -> Iterator[Record]:
    """Totals are a float product written as it comes, `1241.0099999999998` included."""
    days = [day.isoformat() for day in SALES_YEAR]
    for number in range(1, feed.records + 1):
        customer_id = 1 + feed.below(feed.sizes["customers"])
        if feed.clean:
            fact = next(facts)
            total = round(fact.quantity * fact.price, 2)
            yield number, customer_id, fact.product_id, fact.quantity, fact.date.isoformat(), total
            continue
        product_id = 1 + feed.below(feed.sizes["products"])
        quantity = 1 + feed.below(10)
        day = "" if feed.chance(0.033, "Transaction_Date", "missing") else days[feed.below(365)]
        yield number, customer_id, product_id, quantity, day, _total(feed, quantity)


def _total(feed: Feed, quantity: int) -> Value:
    if feed.chance(0.045, "Total_Amount", "missing"):
        return ""
    total = quantity * feed.amount("Total_Amount", -2_000, 20_000)
    if total != round(total, 2):
        feed.dirt["Total_Amount", "binary_noise"] += 1
    return total


def products(feed: Feed, _: Iterator[Facts]) -> Iterator[Record]:
    for number in range(1, feed.records + 1):
        category = CATEGORIES[feed.below(len(CATEGORIES))]
        price = feed.amount("Price", -2_000, 20_000)
        stock = int(feed.amount("Stock_Available", -10, 1_000, scale=1))
        yield number, f"Product_{number}", category, price, stock


def customers(feed: Feed, _: Iterator[Facts]) -> Iterator[Record]:
    days = [day.isoformat() for day in JOINING_YEAR]
    for number in range(1, feed.records + 1):
        name = NAMES[feed.below(len(NAMES))]
        age = None if feed.chance(0.046, "Age", "missing") else 15 + feed.below(85)
        gender = "" if feed.chance(0.25, "Gender", "missing") else GENDERS[feed.below(len(GENDERS))]
        joined = "" if feed.chance(0.02, "Date_Joined", "missing") else days[feed.below(len(days))]
        yield number, name, age, gender, _location(feed), joined


def _location(feed: Feed) -> str:
    if feed.chance(0.03, "Location", "missing"):
        return ""
    if feed.chance(0.185, "Location", "unknown_word"):
        return "Unknown"
    return STATES[feed.below(len(STATES))]


def exchange_rates(feed: Feed, _: Iterator[Facts]) -> Iterator[Record]:
    """(currency, date) repeats with other rates; the base currency is quoted too. Clean feeds have neither."""
    days = [day.isoformat() for day in SALES_YEAR]
    if feed.clean:
        yield from ((code, feed.amount("Exchange_Rate", 1, 15_000, 10_000), day) for code, day in _quotes(feed, days))
        return
    codes = (*CURRENCIES, BASE_CURRENCY)
    seen: set[tuple[str, str]] = set()
    for _number in range(feed.records):
        code = codes[feed.below(len(codes))]
        rate = None if feed.chance(0.05, "Exchange_Rate", "missing") else _rate(feed)
        day = "" if feed.chance(0.024, "Date", "missing") else days[feed.below(365)]
        if code == BASE_CURRENCY:
            feed.dirt["Currency_Code", "base_currency"] += 1
        if day and (code, day) in seen:
            feed.dirt["Date", "repeated_key"] += 1
        seen.add((code, day))
        yield code, rate, day


def _rate(feed: Feed) -> float:
    # 0 would be one more kind of dirt, which the real feed does not have.
    return feed.amount("Exchange_Rate", -5_000, 14_999, scale=10_000) or 0.0001


def _quotes(feed: Feed, days: list[str]) -> Iterator[tuple[str, str]]:
    """As many different (currency, day) pairs as there are records: invented currencies after the known ones."""
    invented = ("".join(letters) for letters in product(ascii_uppercase, repeat=3))
    others = (code for code in invented if code not in (*CURRENCIES, BASE_CURRENCY))
    return islice(((code, day) for codes in (CURRENCIES, others) for code in codes for day in days), feed.records)
