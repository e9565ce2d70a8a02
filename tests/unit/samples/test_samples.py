"""The manifest is recounted straight from the files, by means that share no code with the generator."""

import csv
import json
import re
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from samples import FILES, Manifest, make_samples
from samples.__main__ import main

Rows = list[dict[str, str | None]]
FLAT = [feed for feed in FILES if feed != "orders"]


def rows(directory: Path, feed: str) -> Rows:
    """Every value as the text that stands in the file; None for JSON's null."""
    path = directory / FILES[feed]
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    found: Rows = json.loads(path.read_text(), parse_float=str, parse_int=str)
    return found


def count(values: list[str | None], pattern: str) -> int:
    return sum(bool(re.fullmatch(pattern, value or "")) for value in values)


def recount(directory: Path) -> Counter[tuple[str, str, str]]:
    """(feed, column, kind) -> how often, for every kind of dirt, from the files alone."""
    found: Counter[tuple[str, str, str]] = Counter()
    for feed in FLAT:
        table = rows(directory, feed)
        for column in table[0]:
            values = [row[column] for row in table]
            found[feed, column, "missing"] = count(values, "")
            if not column.startswith(("Date", "Transaction_Date")):
                found[feed, column, "negative"] = count(values, r"-[0-9.]+")
            found[feed, column, "unknown_word"] = count(values, "Unknown")
    sales, rates = rows(directory, "sales"), rows(directory, "exchange_rates")
    days = [row["Transaction_Date"] for row in sales]
    found["sales", "Transaction_Date", "iso"] = count(days, r"2022-\d\d-\d\d")
    found["sales", "Transaction_Date", "slash_day_first"] = count(days, r"([012]\d|3[01])/(0\d|1[012])/2022")
    found["sales", "Transaction_Date", "dash_month_first"] = count(days, r"(0\d|1[012])-([012]\d|3[01])-2022")
    quantities = [row["Quantity"] for row in sales]
    found["sales", "Quantity", "zero"] = quantities.count("0")
    found["sales", "Quantity", "above_100"] = quantities.count("1000")
    known = {row["Product_ID"] for row in rows(directory, "products")}
    found["sales", "Product_ID", "unknown_product"] = sum(row["Product_ID"] not in known for row in sales)
    totals = [row["Total_Amount"] for row in rows(directory, "transactions")]
    found["transactions", "Total_Amount", "binary_noise"] = count(totals, r"-?\d+\.\d{3,}")
    found["exchange_rates", "Currency_Code", "base_currency"] = sum(row["Currency_Code"] == "USD" for row in rates)
    quoted = Counter((row["Currency_Code"], row["Date"]) for row in rates if row["Date"])
    found["exchange_rates", "Date", "repeated_key"] = sum(times - 1 for times in quoted.values())
    found.update(recount_orders(json.loads((directory / FILES["orders"]).read_text())))
    return +found


def recount_orders(orders: list[dict[str, Any]]) -> Counter[tuple[str, str, str]]:
    lines = [line for order in orders for line in order["lines"]]
    payments = [payment for order in orders for payment in order["payments"] or []]
    counts = {
        ("placed_at", "missing"): sum(order["placed_at"] == "" for order in orders),
        ("lines", "empty"): sum(order["lines"] == [] for order in orders),
        ("payments", "missing"): sum(order["payments"] is None for order in orders),
        ("lines.quantity", "negative"): sum(line["quantity"] < 0 for line in lines),
        ("lines.quantity", "zero"): sum(line["quantity"] == 0 for line in lines),
        ("lines.quantity", "above_100"): sum(line["quantity"] > 100 for line in lines),
        ("lines.unit_price", "missing"): sum(line["unit_price"] is None for line in lines),
        ("lines.unit_price", "negative"): sum((line["unit_price"] or 0) < 0 for line in lines),
        ("payments.method", "missing"): sum(payment["method"] == "" for payment in payments),
        ("payments.amount", "negative"): sum(payment["amount"] < 0 for payment in payments),
    }
    return Counter({("orders", *place): count for place, count in counts.items()})


def claimed(manifest: Manifest) -> Counter[tuple[str, str, str]]:
    return Counter(
        {
            (feed, column, kind): times
            for feed, made in manifest["feeds"].items()
            for column, kinds in made["dirt"].items()
            for kind, times in kinds.items()
        }
    )


@pytest.mark.parametrize("seed", [7, 8])
def test_manifest_counts_exactly_the_dirt_in_the_files(tmp_path: Path, seed: int) -> None:
    manifest = make_samples(tmp_path, seed=seed, records=1500)
    assert claimed(manifest) == recount(tmp_path)
    assert {feed: made["records"] for feed, made in manifest["feeds"].items()} == dict.fromkeys(FILES, 1500)
    assert all(len(rows(tmp_path, feed)) == 1500 for feed in FILES)


def test_every_kind_of_dirt_is_in_the_default_sample(tmp_path: Path) -> None:
    kinds = {key for key, times in claimed(make_samples(tmp_path)).items() if times}
    assert len(kinds) == 36


def test_manifest_written_is_the_manifest_returned(tmp_path: Path) -> None:
    assert make_samples(tmp_path, records=10) == json.loads((tmp_path / "manifest.json").read_text())


def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_samples(tmp_path / name, seed=seed, records=200)
    for file in FILES.values():
        first, again, other = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert first == again
        assert first != other


def test_no_sale_names_a_product_that_exists_however_many_there_are(tmp_path: Path) -> None:
    make_samples(tmp_path, records={"products": 1200, "sales": 50})
    known = {row["Product_ID"] for row in rows(tmp_path, "products")}
    assert not known & {row["Product_ID"] for row in rows(tmp_path, "sales")}


def test_files_are_laid_out_as_the_systems_that_write_them_do(tmp_path: Path) -> None:
    make_samples(tmp_path, records=3)
    table = json.loads((tmp_path / "customer_data.json").read_text())
    assert (tmp_path / "customer_data.json").read_bytes() == json.dumps(table, indent=4).replace("\n", "\r\n").encode()
    sales = (tmp_path / "sales_data.csv").read_bytes()
    assert sales.startswith(b"Transaction_ID,Product_ID,Quantity,Price,Transaction_Date\r\n1,")
    assert sales.count(b"\n") == sales.count(b"\r\n") == 4


def test_clean_feeds_have_no_dirt_and_agree_with_each_other(tmp_path: Path) -> None:
    manifest = make_samples(tmp_path, records=2500, clean=True)
    formats = {("sales", "Transaction_Date", "iso"): 2500}
    assert not claimed(manifest)
    assert recount(tmp_path) == formats
    pairs = zip(rows(tmp_path, "sales"), rows(tmp_path, "transactions"), strict=True)
    for sale, transaction in pairs:
        assert all(sale[column] == transaction[column] for column in ("Transaction_ID", "Product_ID", "Quantity"))
        assert sale["Transaction_Date"] == transaction["Transaction_Date"]


def test_memory_does_not_grow_with_the_size_of_a_feed(tmp_path: Path) -> None:
    peaks = []
    for records in (10_000, 60_000):
        tracemalloc.start()
        make_samples(tmp_path, records={"sales": records, "customers": records, "exchange_rates": records})
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_command_tells_what_it_made(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["--out", str(tmp_path / "new" / "place"), "--records", "5"])
    assert result.exit_code == 0
    assert "sales_data.csv" in result.output
    assert (tmp_path / "new" / "place" / "exchange_rates.json").exists()


def test_unknown_feed_and_empty_size_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no feed is called suppliers"):
        make_samples(tmp_path, records={"suppliers": 1})
    with pytest.raises(ValueError, match="at least 1 record"):
        make_samples(tmp_path, records=0)
