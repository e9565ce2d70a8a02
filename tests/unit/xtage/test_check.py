import json
from pathlib import Path

import pytest

from samples import make_samples
from xtage import cli

HEADER = "Transaction_ID,Product_ID,Quantity,Price,Transaction_Date\n"


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.exit_code(["check", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_sound_file_is_exit_code_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_samples(tmp_path, records=50)
    for file in ("sales_data.csv", "customer_data.json"):
        code, told, _ = check(capsys, str(tmp_path / file))
        assert code == 0
        assert "50 read, 50 would land, 0 rejected" in told


def test_a_broken_record_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "export.csv"
    file.write_text(f"{HEADER}1,1001,2,4.85,05/05/2022\n2,1002,3\n3,1001,1,5,2022-01-01\n")
    code, told, _ = check(capsys, "--feed", "sales", "--format", "json", str(file))
    found = json.loads(told)
    assert code == 1
    assert [reject["line_number"] for reject in found["rejects"]] == [3]
    assert (found["records_read"], found["records_loaded"], found["records_rejected"]) == (3, 2, 1)
    code, told, _ = check(capsys, "--feed", "sales", str(file))
    assert code == 1
    assert "3 read, 2 would land, 1 rejected" in told


def test_a_file_that_would_be_refused_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "sales_data.csv"
    file.write_text("nothing,that,is,known\n1,2,3,4\n")
    code, _, error = check(capsys, str(file))
    assert code == 2
    assert error.startswith("xtage: the whole file would be refused: ")
    assert error.count("\n") == 1


def test_a_file_of_no_feed_or_of_no_existence_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "who.csv").write_text("a\n")
    for name, words in (("who.csv", "belongs to no feed"), ("sales_data.csv", "cannot be read")):
        code, told, error = check(capsys, str(tmp_path / name))
        assert (code, told) == (1, "")
        assert words in error
        assert error.count("\n") == 1
