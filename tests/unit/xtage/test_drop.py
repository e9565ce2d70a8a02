from pathlib import Path

import pytest

from loaders.contract import load_contracts
from xtage import cli
from xtage.drop import key_of


@pytest.mark.parametrize(
    ("file", "feed", "key"),
    [
        ("some/where/sales_data.csv", None, "raw/sales/sales_data.csv"),
        ("customer_data.json", None, "raw/customers/customer_data.json"),
        ("raw/sales/products.csv", None, "raw/products/products.csv"),
        ("export 2022.csv", "sales", "raw/sales/export 2022.csv"),
        ("nobody.csv", None, "nobody.csv"),
    ],
)
def test_a_file_goes_under_its_feed_or_to_the_root(file: str, feed: str | None, key: str) -> None:
    assert key_of(Path(file), feed, list(load_contracts().values())) == key


def test_an_unknown_feed_is_refused_before_anything_is_uploaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["drop", "--feed", "suppliers", "a.csv"]) == 1
    assert capsys.readouterr().err.startswith("xtage: no feed is called suppliers; the feeds are customers, ")
