"""`check` says what the loader would do."""

from pathlib import Path

import pytest

from loaders.check import check_file
from loaders.contract import load_contracts
from loaders.errors import TerminalError

HEADER = "Transaction_ID,Product_ID,Quantity,Price,Transaction_Date\n"


def test_a_clean_file_would_land_whole(tmp_path: Path) -> None:
    path = tmp_path / "sales_data.csv"
    path.write_text(HEADER + "1,2,3,4,2022-01-01\n\n2,2,3,4,2022-01-01\n")
    assert check_file(path, load_contracts()) == {
        "feed": "sales",
        "records_read": 2,
        "records_loaded": 2,
        "records_rejected": 0,
        "blank_lines": 1,
        "rejects": [],
        "error": None,
    }


def test_a_rejected_record_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "any name.csv"
    path.write_text(HEADER + "1,2,3,4,2022-01-01\n2,3\n")
    answer = check_file(path, load_contracts(), "sales")
    assert (answer["records_read"], answer["records_loaded"], answer["records_rejected"]) == (2, 1, 1)
    assert [(reject["row_number"], reject["line_number"]) for reject in answer["rejects"]] == [(2, 3)]


@pytest.mark.parametrize("text", ["", HEADER, "no,such,header\n1,2,3\n"], ids=["empty", "header-only", "other"])
def test_a_refused_file_would_land_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sales_data.csv"
    path.write_text(text)
    answer = check_file(path, load_contracts())
    assert answer["error"]
    assert answer["records_loaded"] == 0


def test_a_file_of_no_feed_needs_the_feed_to_be_named(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("a note\n")
    with pytest.raises(TerminalError, match=r"belongs to no feed.*name its feed, one of customers"):
        check_file(file, load_contracts())
    with pytest.raises(TerminalError, match="there is no feed suppliers"):
        check_file(file, load_contracts(), "suppliers")


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(TerminalError, match="cannot be read"):
        check_file(tmp_path / "sales_data.csv", load_contracts())
