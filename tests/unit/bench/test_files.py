"""What the benchmark files hold, counted here by means of their own."""

import csv
import json
from pathlib import Path

import pytest

from bench.loading import files
from bench.loading.records import COLUMNS

ROWS = 6_000


def read_csv(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_csv_has_a_header_and_as_many_records_as_asked_for(tmp_path: Path) -> None:
    made = files.csv_file(tmp_path, ROWS)
    header, *records = read_csv(made.path)
    assert header == list(COLUMNS)
    assert len(COLUMNS) == 13
    assert [record[0] for record in records] == [str(number) for number in range(1, ROWS + 1)]
    assert {len(record) for record in records} == {13}
    assert (made.rows, made.rejects, made.landed) == (ROWS, 0, ROWS)


def test_one_record_in_three_has_a_quoted_field(tmp_path: Path) -> None:
    records = read_csv(files.csv_file(tmp_path, ROWS).path)[1:]
    quoted = [record for record in records if any(set(field) & set(',"\n') for field in record)]
    assert len(quoted) * 3 == ROWS


def test_quotes_stand_only_where_they_are_needed(tmp_path: Path) -> None:
    text = files.csv_file(tmp_path, ROWS).path.read_text()
    in_values = sum(field.count('"') for record in read_csv(tmp_path / f"bench_sales_{ROWS}.csv") for field in record)
    assert text.count('"') == 2 * ROWS // 3 + 2 * in_values


def test_json_forms_hold_the_records_of_the_csv(tmp_path: Path) -> None:
    records = read_csv(files.csv_file(tmp_path, ROWS).path)[1:]
    lines = files.json_lines_file(tmp_path, ROWS).path.read_text().splitlines()
    array = json.loads(files.json_array_file(tmp_path, ROWS).path.read_text(), parse_float=str, parse_int=str)
    assert [json.loads(line, parse_float=str, parse_int=str) for line in lines] == array
    assert [list(record.values()) for record in array] == records
    assert all(tuple(record) == COLUMNS for record in array)


def test_nested_json_differs_from_flat_json_in_two_columns(tmp_path: Path) -> None:
    flat = json.loads(files.json_array_file(tmp_path, ROWS).path.read_text())
    nested = json.loads(files.nested_json_file(tmp_path, ROWS).path.read_text())
    differing = {name for one, other in zip(flat, nested, strict=True) for name in COLUMNS if one[name] != other[name]}
    assert differing == {"Customer_Name", "Remark"}
    assert isinstance(nested[0]["Customer_Name"], dict)
    assert isinstance(nested[0]["Remark"], list)


def test_one_record_in_a_thousand_of_a_dirty_csv_is_bad(tmp_path: Path) -> None:
    clean = files.csv_file(tmp_path, ROWS).path.read_bytes()
    made = files.dirty_csv_file(tmp_path, ROWS)
    bad = [line for line in made.path.read_bytes().split(b"\n") if line and line not in clean]
    assert [int(line.partition(b",")[0]) for line in bad] == [1000, 2000, 3000, 4000, 5000, 6000]
    assert (made.rejects, made.landed) == (6, 5_994)


def test_one_line_in_a_thousand_of_dirty_json_lines_is_bad(tmp_path: Path) -> None:
    clean = set(files.json_lines_file(tmp_path, ROWS).path.read_bytes().split(b"\n"))
    made = files.dirty_json_lines_file(tmp_path, ROWS)
    lines = made.path.read_bytes().split(b"\n")
    assert [number for number, line in enumerate(lines, 1) if line not in clean] == [1000, 2000, 3000, 4000, 5000, 6000]
    assert made.rejects == 6


@pytest.mark.parametrize("every", [2, 3, 1000], ids=lambda every: f"every-{every}")
def test_known_rejects_are_those_in_the_file(tmp_path: Path, every: int) -> None:
    clean = files.csv_file(tmp_path, ROWS).path.read_bytes()
    made = files.dirty_csv_file(tmp_path, ROWS, every)
    bad = [line for line in made.path.read_bytes().split(b"\n") if line not in clean]
    assert len(bad) == made.rejects == ROWS // every


@pytest.mark.parametrize("header", [False, True], ids=["whole-file", "one-record"])
def test_endless_line_has_its_size_and_no_line_end(tmp_path: Path, header: bool) -> None:
    made = files.endless_line_file(tmp_path, 3_000_001, header)
    content = made.path.read_bytes()
    body = content.partition(b"\n")[2] if header else content
    assert body == b"x" * 3_000_001
    assert made.landed == 0


def test_a_file_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    first = files.csv_file(tmp_path, ROWS)
    written = first.path.stat().st_mtime_ns
    assert files.csv_file(tmp_path, ROWS) == first
    assert first.path.stat().st_mtime_ns == written


def test_nothing_is_left_of_a_file_that_could_not_be_finished(tmp_path: Path) -> None:
    with pytest.raises(MemoryError):
        files._made(tmp_path / "file.csv", lambda: (_ for _ in ()).throw(MemoryError), 0)
    assert not (tmp_path / "file.csv").exists()
