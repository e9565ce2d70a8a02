"""Parquet files, each with exactly what lands and what is rejected."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.errors import TerminalError
from loaders.parse import read
from tests.unit.parse.support import Outcome, make_contract, outcome

NAME = "things.parquet"


def parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def notes(values: pa.Array) -> Outcome:
    """What becomes of a file with these values in its column `note`."""
    ids = pa.array([str(number) for number in range(len(values))])
    found = outcome(parquet(pa.table({"id": ids, "note": values})), NAME)
    assert found.error is None
    assert found.summary.records_read == found.summary.records_loaded + found.summary.records_rejected == len(values)
    return found


D = Decimal

TEXTS = {
    "text": (pa.array(["NA", "00123", "1E5", " x ", "", None, "\\N", "\\.", "a\tb\\t\n\r\nc", "é😀"]), None),
    "large_text": (pa.array(["a", None], pa.large_string()), ["a", None]),
    "text_view": (pa.array(["a", None], pa.string_view()), ["a", None]),
    "bytes": (pa.array(["é".encode(), None]), ["é", None]),
    "dictionary": (pa.array(["a", None, "a"]).dictionary_encode(), ["a", None, "a"]),
    "null": (pa.nulls(2), [None, None]),
    "boolean": (pa.array([True, False, None]), ["true", "false", None]),
    "integer": (pa.array([-(2**63), 2**63 - 1, None]), [str(-(2**63)), str(2**63 - 1), None]),
    "unsigned": (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
    "tiny": (pa.array([-128, 127], pa.int8()), ["-128", "127"]),
    "decimal": (pa.array([D("1.10"), D("-0.01"), None]), ["1.10", "-0.01", None]),
    "decimal_of_many_digits": (
        pa.array([D("0.0000000001"), D("12345678901234567890.1234567890")]),
        ["0.0000000001", "12345678901234567890.1234567890"],
    ),
    "double": (
        pa.array([1.0, 0.1, 1241.0099999999998, -0.0, 1e22, 1e-7, 10_000_000_001.0, None]),
        ["1", "0.1", "1241.0099999999998", "-0", "1e+22", "1e-07", "10000000001", None],
    ),
    "no_number": (pa.array([float("nan"), float("inf"), float("-inf")]), ["NaN", "Infinity", "-Infinity"]),
    "single": (pa.array([0.1, 16777216.0, 3.4e38], pa.float32()), ["0.1", "16777216", "3.4e+38"]),
    "date": (pa.array([date(2022, 12, 6), date(1, 1, 1), None]), ["2022-12-06", "0001-01-01", None]),
    "far_date": (pa.array([10_000_000], pa.int32()).cast(pa.date32()), ["29349-01-26"]),
    "timestamp": (
        pa.array([datetime(2022, 12, 6), datetime(2022, 12, 6, 1, 2, 3, 450_000), datetime(1500, 1, 1), None]),
        ["2022-12-06 00:00:00", "2022-12-06 01:02:03.45", "1500-01-01 00:00:00", None],
    ),
    "nanoseconds": (pa.array([1], pa.timestamp("ns")), ["1970-01-01 00:00:00.000000001"]),
    "moment": (pa.array([datetime(2022, 12, 6, tzinfo=UTC), None]), ["2022-12-06 00:00:00Z", None]),
    "moment_elsewhere": (pa.array([0], pa.timestamp("ms", "Europe/Berlin")), ["1970-01-01 00:00:00Z"]),
    "moment_nowhere": (pa.array([0], pa.timestamp("ms", "No/Where")), ["1970-01-01 00:00:00Z"]),
    "time": (pa.array([time(1, 2, 3), time(23, 59, 59, 999_999)]), ["01:02:03", "23:59:59.999999"]),
}


@pytest.mark.parametrize(("values", "texts"), TEXTS.values(), ids=TEXTS)
def test_each_type_has_one_exact_notation(values: pa.Array, texts: list[str | None] | None) -> None:
    found = notes(values)
    assert [row[2] for row in found.values] == (values.to_pylist() if texts is None else texts)
    assert found.rejects == []


ENCODINGS = ["PLAIN", "RLE_DICTIONARY", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_text_is_read_in_every_encoding(encoding: str) -> None:
    ids = [f"key {number}" for number in range(100)]
    written: dict[str, Any] = {"use_dictionary": True}
    if encoding != "RLE_DICTIONARY":
        written = {"use_dictionary": False, "column_encoding": {"id": encoding, "note": encoding}}
    data = parquet(pa.table({"id": ids, "note": [None, *ids[1:]]}), version="2.6", **written)
    assert encoding in pq.ParquetFile(io.BytesIO(data)).metadata.row_group(0).column(0).encodings
    assert outcome(data, NAME).values == [(one, None, one if one != ids[0] else None, None) for one in ids]


def test_spark_s_old_timestamps_are_read_beyond_what_nanoseconds_hold() -> None:
    data = parquet(
        pa.table({"id": pa.array([datetime(1, 1, 1), datetime(2500, 6, 1)], pa.timestamp("us"))}),
        use_deprecated_int96_timestamps=True,
    )
    assert [row[0] for row in outcome(data, NAME).values] == ["0001-01-01 00:00:00", "2500-06-01 00:00:00"]


@given(st.lists(st.tuples(st.text(), st.floats(allow_nan=False), st.text() | st.none()), min_size=1, max_size=30))
def test_any_table_comes_back_exactly(rows: list[tuple[str, float, str | None]]) -> None:
    ids, numbers, texts = zip(*rows, strict=True)
    data = parquet(pa.table({"Note": pa.array(texts, pa.string()), "ID": ids, "na me": numbers}), row_group_size=7)
    found = outcome(data, NAME)
    expected = [
        (number, text, value, note)
        for number, (text, value, note) in enumerate(rows, 1)
        if "\0" not in text and "\0" not in (note or "")
    ]
    assert [(number, text, float(value), note) for number, text, value, note, _ in found.rows] == expected
    assert found.summary.records_read == len(rows)


WHOLE = parquet(
    pa.table({"id": ["a", "b"] * 20, "note": list(range(40)), "name": [D("1.10")] * 40, "at": [date(2022, 1, 1)] * 40}),
    store_schema=False,
    compression="none",
)


@settings(max_examples=500)
@given(st.integers(4, len(WHOLE) - 1), st.binary(max_size=1) | st.binary(max_size=20), st.integers(0, 1))
def test_a_damaged_file_is_refused_or_read_and_never_ends_the_loader(place: int, junk: bytes, shift: int) -> None:
    found = outcome(WHOLE[:place] + junk + WHOLE[place + shift * len(junk) :], NAME)
    assert found.error is None or found.error.startswith("things.parquet: ")


GOOD = parquet(pa.table({"id": ["a"], "note": ["b"]}))

REFUSED = {
    "cut": (GOOD[:-20], "damaged, cut off or encrypted"),
    "cut_to_its_mark": (b"PAR1", "damaged, cut off or encrypted"),
    "empty": (b"", "named as Parquet and is none"),
    "text": (b"id,note\n1,2\n", "named as Parquet and is none"),
    "key_missing": (parquet(pa.table({"note": ["b"]})), "lacks id"),
    "known_column_twice": (parquet(pa.table([["a"], ["b"]], ["id", "ID"])), "column id twice"),
    "list": (parquet(pa.table({"id": ["a"], "note": [[1]]})), "«note» is «list<"),
    "struct": (parquet(pa.table({"id": ["a"], "other": [{"a": 1}]})), "«other» is «struct<"),
    "duration": (parquet(pa.table({"id": ["a"], "note": pa.array([1], pa.duration("s"))})), "«note» is «duration"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_cannot_be_read_is_refused_whole_with_a_remedy(data: bytes, reason: str) -> None:
    found = outcome(data, NAME)
    assert found.error is not None
    assert found.error.startswith("things.parquet: ")
    assert reason in found.error
    assert " -> " in found.error
    assert found.rows == []


def test_damage_in_the_pages_is_found_by_their_checksums() -> None:
    data = bytearray(parquet(pa.table({"id": ["0123456789"] * 3}), compression="none", write_page_checksum=True))
    data[data.index(b"0123456789")] ^= 1
    assert "damaged" in str(outcome(bytes(data), NAME).error)


def test_a_file_is_parquet_by_content_unless_its_name_says_otherwise() -> None:
    assert outcome(GOOD, "things").values == [("a", None, "b", None)]
    assert "is a Parquet file although its name says CSV" in str(outcome(GOOD, "things.csv").error)
    assert "is a Parquet file although its name says JSON" in str(outcome(GOOD, "things.json.gz").error)


def test_unknown_columns_go_to_extra_and_missing_ones_are_null() -> None:
    table = pa.table([["a", "b"], [1, None], [D("1.10"), None]], ["id", "size", "size"])
    assert outcome(parquet(table), NAME).values == [
        ("a", None, None, '{"size":"1","size_2":"1.10"}'),
        ("b", None, None, '{"size":null,"size_2":null}'),
    ]


def invalid_text() -> pa.Array:
    """Text whose second value is no UTF-8, as a careless writer leaves it."""
    values = pa.array([b"a", b"\xff", b"c"])
    return pa.StringArray.from_buffers(3, values.buffers()[1], values.buffers()[2])


REJECTED = {
    "nul": (pa.array(["a", "b\0", "c"]), "nul"),
    "nul_in_bytes": (pa.array([b"a", b"\0", b"c"]), "nul"),
    "long_value": (pa.array(["a", "é" * 32_768, "c"]), "field_too_long"),
    "invalid_text": (invalid_text(), "undecodable"),
    "invalid_bytes": (pa.array([b"a", b"\xff", b"c"]), "undecodable"),
    "no_date": (pa.array([0, 2**62, 0]).cast(pa.timestamp("us")), "out_of_range"),
}


@pytest.mark.parametrize(("values", "rule"), REJECTED.values(), ids=REJECTED)
def test_a_bad_record_is_rejected_alone_with_its_rule_and_number(values: pa.Array, rule: str) -> None:
    found = notes(values)
    assert [row[:2] for row in found.rows] == [(1, "0"), (3, "2")]
    (reject,) = found.rejects
    assert (reject.row_number, reject.rule) == (2, rule)
    assert (reject.line_number, reject.byte_offset, reject.byte_length) == (None, None, None)
    assert reject.raw_start.startswith(b'{"id":"1","note":')


def test_rows_are_numbered_through_row_groups_and_rejects() -> None:
    ids = ["\0" if number % 10 == 5 else str(number) for number in range(1, 1001)]
    found = outcome(parquet(pa.table({"id": ids}), row_group_size=64), NAME)
    assert [(row[0], row[1]) for row in found.rows] == [(n, str(n)) for n in range(1, 1001) if n % 10 != 5]
    assert [reject.row_number for reject in found.rejects] == list(range(5, 1001, 10))


def test_a_file_without_records_is_a_file_of_no_records() -> None:
    found = outcome(parquet(pa.table({"id": pa.array([], pa.string())})), NAME)
    assert (found.error, found.summary.records_read) == (None, 0)


class Full(io.BytesIO):
    def write(self, data: Any, /) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_without_room_is_said_so_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip archive is kept on disk as well."""
    monkeypatch.setattr(tempfile, "TemporaryFile", Full)
    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", lambda max_size: Full())
    zipped = io.BytesIO()
    with ZipFile(zipped, "w") as archive:
        archive.writestr("things.csv", "id")
    for data, name in ((GOOD, NAME), (zipped.getvalue(), "things.csv.zip")):
        with pytest.raises(TerminalError, match=r"no room for the file .* -> give the load function more ephemeral"):
            list(read(io.BytesIO(data), name, make_contract()))


MEASURE = """
import json, resource, sys
sys.path.insert(0, {project!r})
from loaders.parse import parquet_reader, read
from tests.unit.parse.support import make_contract
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open({path!r}, "rb") as stream:
    reader = read(stream, "things.parquet", make_contract())
    for _ in reader: pass
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
print(json.dumps([reader.summary.records_loaded, grown / 1024]))
"""


def one_large_group(path: Path) -> int:
    """200 MB in one row group, hardly compressible."""
    rows, width = 400_000, 250
    data = os.urandom(rows * width // 2).hex().encode()
    ends = pa.array(range(0, rows * width + 1, width), pa.int32())
    texts = pa.StringArray.from_buffers(rows, ends.buffers()[1], pa.py_buffer(data))
    table = pa.table({"id": pa.array(range(rows)), "name": texts, "note": texts})
    pq.write_table(table, path, row_group_size=rows, compression="none", use_dictionary=False)
    assert path.stat().st_size > 200_000_000
    return rows


def one_value_in_many_rows(path: Path) -> int:
    """A few kilobytes that are 400 MB when they are written out."""
    rows = 6_000
    long = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * 65_000]))
    pq.write_table(pa.table({"id": pa.array(range(rows)), "name": long}), path, row_group_size=rows)
    return rows


@pytest.mark.parametrize("make", [one_large_group, one_value_in_many_rows])
def test_a_huge_row_group_is_read_in_little_memory(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "things.parquet"
    rows = make(path)
    project = str(Path(__file__).resolve().parents[3])
    script = MEASURE.format(project=project, path=str(path))
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path)
    loaded, grown_megabytes = json.loads(done.stdout)
    assert loaded == rows
    assert grown_megabytes < 100
