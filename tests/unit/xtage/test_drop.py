import os
from pathlib import Path
from typing import Any, ClassVar

import boto3
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


class Stage:
    """A stage of which nobody answers."""

    outputs: ClassVar = {"RawBucketName": "bucket"}

    def client(self, service: str) -> Any:
        return boto3.client(service, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # type: ignore[call-overload]


def test_a_name_that_is_no_text_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("xtage.drop.find_stage", lambda _: Stage())
    file = tmp_path / os.fsdecode(b"sales_data\xff.csv")
    file.write_text("x")
    assert cli.exit_code(["drop", str(file)]) == 1
    assert "has a name that is not UTF-8; rename it" in capsys.readouterr().err


def test_an_unknown_feed_is_refused_before_anything_is_uploaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.exit_code(["drop", "--feed", "suppliers", "a.csv"]) == 1
    assert capsys.readouterr().err.startswith("xtage: no feed is called suppliers; the feeds are customers, ")
