"""Promises that hold for any file."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.parse.support import Outcome, blocks_of, make_contract, outcome

EXAMPLES = settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
HOSTILE_TEXT = st.one_of(TEXT, st.text(",;\t|\"'\\.\n\r aé", max_size=8), st.sampled_from(["NA", "\\N", "\\.", "null"]))
TABLES = st.lists(st.tuples(HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT), max_size=30)
HEADER = ("Id", "Name", "Note")
BLOCKS = st.sampled_from([1, 7, 40, 300, 1 << 19])

HOSTILE_CSV = st.text('1a,"\n\r\\.\0\ud800', max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
MOSTLY_GOOD_CSV = st.lists(
    st.sampled_from(
        [b"1,a,b", b'2,"c,",d', b'3,"e""\n",f', b"4,g", b'5,"h', b'6,i",j', b"7,\xff,k", b"8,\0,l", b"", b"\\."]
    ),
    max_size=60,
)


@EXAMPLES
@given(
    table=TABLES,
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    quote_all=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    block=BLOCKS,
)
def test_any_table_in_any_dialect_comes_back_exactly(
    table: list[tuple[str, str, str]], delimiter: str, line_end: str, quote_all: bool, encoding: str, block: int
) -> None:
    lines = [delimiter.join(written(value, delimiter, quote_all) for value in row) for row in (HEADER, *table)]
    text = "".join(line + line_end for line in lines)
    with blocks_of(block):
        found = outcome(text.encode(encoding), trickle=1000)
    assert found.error is None
    assert found.rejects == []
    assert found.values == [(*row, None) for row in table]


def written(value: str, delimiter: str, quote: bool) -> str:
    """A value as a CSV field."""
    if quote or any(mark in value for mark in (delimiter, '"', "\r", "\n")):
        return '"' + value.replace('"', '""') + '"'
    return value


@EXAMPLES
@given(
    lines=MOSTLY_GOOD_CSV,
    line_end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    block=BLOCKS,
    trickle=st.sampled_from([1, 100]),
)
def test_whole_blocks_and_single_records_give_the_same(
    lines: list[bytes], line_end: bytes, block: int, trickle: int
) -> None:
    data = b"id,name,note\n" + line_end.join(lines)
    with patch("loaders.parse.csv_reader.clean", lambda *_: None):
        expected = outcome(data)
    with blocks_of(block):
        assert_same(outcome(data, trickle=trickle), expected)
    assert_accounted(expected, data)


GOOD_CSV = b"id,name,note\n" + b"".join(
    b"%d,%b,%b\n"
    % (number, [b"plain", b'"two\nlines"', "é".encode(), b'"a ""b"", c"'][number % 4], b"x" * (number % 7))
    for number in range(60)
)
MUTATIONS = st.lists(
    st.tuples(
        st.integers(13, len(GOOD_CSV) - 1), st.sampled_from([b"", b'"', b"\n", b"\r", b",", b"\0", b"\xff", b"\\."])
    ),
    max_size=6,
)


@EXAMPLES
@given(mutations=MUTATIONS, block=BLOCKS, crlf=st.booleans())
def test_a_damaged_file_gives_the_same_in_pieces_and_record_by_record(
    mutations: list[tuple[int, bytes]], block: int, crlf: bool
) -> None:
    data = bytearray(GOOD_CSV)
    for place, instead in sorted(mutations, reverse=True):
        data[place : place + 1] = instead
    damaged = bytes(data).replace(b"\n", b"\r\n") if crlf else bytes(data)
    with patch("loaders.parse.csv_reader.clean", lambda *_: None):
        expected = outcome(damaged)
    with blocks_of(block):
        assert_same(outcome(damaged), expected)
    assert_accounted(expected, damaged)


@EXAMPLES
@given(data=HOSTILE_CSV, block=BLOCKS)
def test_hostile_csv_is_accounted_for_whatever_the_size_of_blocks(data: bytes, block: int) -> None:
    data = b"id,name,note\n" + data
    with patch("loaders.parse.csv_reader.clean", lambda *_: None):
        expected = outcome(data)
    with blocks_of(block):
        assert_same(outcome(data), expected)
    assert_accounted(expected, data)


@EXAMPLES
@given(data=st.binary(max_size=300), name=st.sampled_from(["things.csv", "things.json", "things.jsonl", "things"]))
def test_any_bytes_are_accounted_for_or_refused(data: bytes, name: str) -> None:
    for begin in (b"", b"id,name\n", b'{"Id": 1}\n', b'[{"Id": 1},'):
        found = outcome(begin + data, name)
        if found.error is None:
            assert_accounted(found, begin + data)


NUMBERS = st.one_of(st.integers().map(str), st.decimals(allow_nan=False, allow_infinity=False).map(str))
SCALARS = st.one_of(HOSTILE_TEXT.map(json.dumps), NUMBERS, st.sampled_from(["true", "false", "null"]))
NESTED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda values: f"[{','.join(values)}]"),
        st.dictionaries(HOSTILE_TEXT, inner, max_size=3).map(
            lambda members: "{ " + ",\t".join(f"{json.dumps(name)} : {value}" for name, value in members.items()) + "}"
        ),
    ),
    max_leaves=5,
)
MEMBERS = st.dictionaries(st.sampled_from(["Id", "Name", "Note", "other"]), st.one_of(SCALARS, SCALARS, NESTED))


@EXAMPLES
@given(
    records=st.lists(MEMBERS, min_size=1, max_size=30),
    form=st.sampled_from(["array", "lines", "concatenated"]),
    block=BLOCKS,
)
def test_any_json_records_come_back_exactly_in_any_form(records: list[dict[str, str]], form: str, block: int) -> None:
    records[0].setdefault("Id", "0")
    objects = ["{" + ", ".join(f'"{name}": {value}' for name, value in record.items()) + "}" for record in records]
    data = {"array": "[" + ",\n".join(objects) + "]", "lines": "\n".join(objects), "concatenated": "".join(objects)}[
        form
    ]
    with blocks_of(block):
        found = outcome(data.encode(), "things.json" if form != "lines" else "things.jsonl")
    assert found.error is None
    assert found.rejects == []
    assert [row[:3] for row in found.values] == [
        tuple(expected_text(record.get(name)) for name in ("Id", "Name", "Note")) for record in records
    ]


def expected_text(value: str | None) -> str | None:
    if value is None or value == "null":
        return None
    if value.startswith('"'):
        return str(json.loads(value))
    return compact(json.loads(value, parse_float=Number, parse_int=Number))


class Number(str):
    """A number's text."""


def compact(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{compact(name)}:{compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return f"[{','.join(compact(element) for element in value)}]"
    return value if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


JSON_LINES = st.lists(
    st.sampled_from(
        [
            '{"Id":1,"Name":"a","Note":"b"}',
            '{"Id":2,"Name":"c\\"\\u00e9","Note":null}',
            '{"Id":3,"Name":"d","Name":"e"}',
            '{"Id":4,"Name":"\\ud800"}',
            '{"Id":-0,"Name":[1.0],"x":{"y":2.50}}',
            '{"Id":5,"x":1,"new":"\\u00e9\\"\\\\","y":{"a" : "2024-01-05"}}',
            '{"new":[{}],"Id":5,"x":null}',
            '{"Id":5,"x":"\\ud800"}',
            '{"Id":5,"x":1,"x":2}',
            '{"Id":5,"ID":6}',
            '{"Id":5,"x":"\\u0000"}',
            '{"Id":5',
            '{"Id":6},{"Id":7}',
            '{"Id":8}{"Id":9}',
            '{"Id":"\\\\","Name":"\\\\\\"\\\\u00e9","Note":"[{\\t\\"null"}',
            '{"Id":"\\u0041","Note":"\\ud83d\\ude00"}',
            '{"Id":"\\u0000"}',
            '{"Id":"\udcff"}',
            '{"Id":"é\u20ac","Note":"null"}',
            '{"Id":"a\tb"}',
            ' { "Note" : "x" , "Id" : -0.10e+5 } \r',
            "\r",
            '{"Id":10,"Note":{"a" : [1.50, -0, 2E400, {"b":"\\"\\u00e9\\ud83d\\ude00\\\\n\\/\\u0001é"}], "c":null}}',
            '{"Id":[[{"y":"\\u0022,"}]],"Name":{"x":-0.50}}',
            '{"Id":{"y":"\\ud800"}}',
            '{"Id":{"a\\u0041":1,"aA":2}}',
            '{"Id":{"a" 1}}',
            '{"Id":[1,]}',
            '{"Id":[01]}',
            '{"Id":[NaN]}',
            '{"Id":' + "[" * 99 + "]" * 99 + "}",
            '{"Id":' + "[" * 100 + "]" * 100 + "}",
            '{"Id":' + "[{}," * 100 + "1" + "]" * 100 + "}",
            '{"Id":[' + "{}," * 200 + "1]}",
            '{"Id":"}',
            '{"',
            "",
            "[]",
        ]
    ),
    max_size=60,
)


GOOD_RECORDS = [
    '{"Id":1,"Name":"a","Note":"b"}',
    '{"Id":"},{\\"Id\\":","Name":null}',
    '{"Id":"\\\\\\"\\n","Note":"\\u00e9\\ud83d\\ude00é"}',
    '{"Id":-0,"Name":[1.0,{"y":2.50}],"x":1E5}',
    '{"Id":5,"x":"\\u00e9\\"\\\\","y":{"a" : "2024-01-05"}}',
    '{"y":[{}],"Id":5,"x":null}',
    '{"Id":9,"Note":{"a" : [1.50, -0.0, 12345678901234567890123, {"b":"\\"\\u00e9\\\\n\\/\\u0001é"}],\n "c":null}}',
    '{"Id":[' + "{},\t" * 200 + "1]}",
    "{}",
]
REJECTED_RECORDS = [
    '{"Id":5,"x":1,"x":2}',
    '{"Id":5,"ID":6}',
    '{"Id":5,"x":["\\u0000"]}',
    '{"Id":2,"Id":3}',
    '{"Id":"\\ud800"}',
    '{"Id":"\\u0000"}',
    '{"Id":{"y":1,"y":2}}',
    '{"Id":{"y":1,"y":2,"z":"\\u0022\\u0022"}}',
    '{"Id":{"y":1,"y":2,"z":"\\u005cu0022\\\\\\u00750022"}}',
    '{"Id":{"y":"\\udc00"}}',
    '{"Note":[{"y":"\\u0000"}]}',
    '{"Id":' + "[" * 100 + "]" * 100 + "}",
    "[]",
    '"Id"',
]


@EXAMPLES
@given(lines=JSON_LINES, block=BLOCKS)
def test_whole_blocks_and_single_lines_of_json_give_the_same(lines: list[str], block: int) -> None:
    """Whatever stands beside the bad ones."""
    data = "\n".join(['{"Id":0}', *lines]).encode("utf-8", "surrogateescape")
    with patch("loaders.parse.json_intake.RecordIntake.take_block", lambda *_: False):
        expected = outcome(data, "things.jsonl")
    with blocks_of(block):
        assert_same(outcome(data, "things.jsonl"), expected)
    assert_accounted(expected, data)


@EXAMPLES
@given(
    records=st.lists(st.sampled_from(GOOD_RECORDS + REJECTED_RECORDS), max_size=60),
    between=st.sampled_from([",", ",\n", " ,\r\n "]),
    block=BLOCKS,
)
def test_whole_blocks_and_single_records_of_an_array_give_the_same(
    records: list[str], between: str, block: int
) -> None:
    objects = ['{"Id":0}', *records]
    data = f"[{between.join(objects)}]".encode()
    with patch("loaders.parse.json_intake.RecordIntake.take_block", lambda *_: False):
        expected = outcome(data, "things.json")
    with blocks_of(block):
        assert_same(outcome(data, "things.json"), expected)
    assert_accounted(expected, data)


@EXAMPLES
@given(
    records=st.lists(
        st.sampled_from([{"Id": "{[,"}, {"Id": '"},{"Id":"'}, {"Id": [{"Id": 1}, {"Id": 2}]}, {"Id": None}]),
        max_size=40,
    ),
    indent=st.sampled_from([None, 0, 2]),
    block=BLOCKS,
)
def test_records_that_look_like_the_end_of_records_are_not_cut(
    records: list[dict[str, Any]], indent: int | None, block: int
) -> None:
    data = json.dumps([{"Id": 0}, *records], indent=indent).encode()
    with blocks_of(block):
        found = outcome(data, "things.json", trickle=50)
    assert found.error is None
    assert len(found.rows) == len(records) + 1


def assert_same(found: Outcome, expected: Outcome) -> None:
    assert found.error == expected.error
    assert found.rows == expected.rows
    assert found.rejects == expected.rejects
    assert found.summary == expected.summary


def assert_accounted(found: Outcome, data: bytes) -> None:
    """Every record is landed or rejected, once, and every reject lies where it says."""
    summary = found.summary
    assert found.error is None
    assert summary.records_read == summary.records_loaded + summary.records_rejected
    numbers = [row[0] for row in found.rows] + [reject.row_number for reject in found.rejects]
    assert sorted(numbers) == list(range(1, summary.records_read + 1))
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        for reject in found.rejects:
            assert data[reject.byte_offset :][: reject.byte_length][:4096] == reject.raw_start


@pytest.mark.parametrize("beside", ["\\u0022\\u0022", "\\u005cu0022\\\\\\u00750022"], ids=["quotes", "backslashes"])
def test_a_name_that_stands_twice_is_not_hidden_by_what_is_written_by_number(beside: str) -> None:
    twice = f'{{"Id":{{"y":1,"y":2,"z":"{beside}"}}}}'
    data = "\n".join(['{"Id":{"y":1}}'] * 20 + [twice] + ['{"Id":"\\u0022"}', '{"Id":{"y":"\\\\u0022"}}'] * 20).encode()
    with blocks_of(1000):
        found = outcome(data, "things.jsonl")
    assert found.rules == [(21, "duplicate_name")]
    assert len(found.rows) == 60


def test_a_limit_of_one_column_holds_in_whole_blocks_too() -> None:
    contract = make_contract(limits={"note": 2})
    data = b"id,name,note\n" + b"1,aaaaaaaa,bb\n" * 5 + b"1,a,bbb\n" + b"1,aaaaaaaa,bb\n" * 5
    assert outcome(data, contract=contract).rules == [(6, "field_too_long")]


@pytest.mark.parametrize("columns", ["id", "id name"])
def test_no_record_is_lost_between_blocks(columns: str) -> None:
    contract = make_contract(columns)
    data = (
        columns.replace(" ", ",").encode()
        + b"\n"
        + b"".join(b"%d%s\n" % (n, b",x" * columns.count(" ")) for n in range(3000))
    )
    for block in (3, 64, 1000):
        with blocks_of(block):
            assert [row[1] for row in outcome(data, contract=contract).rows] == [str(n) for n in range(3000)]
