"""Small hostile CSV files, each with exactly what lands and what is rejected."""

from __future__ import annotations

import pytest

from tests.unit.parse.support import make_contract, outcome

HEADER = b"id,name,note\n"

LANDS = {
    "plain": (b"1,a,b\n2,c,d\n", [("1", "a", "b"), ("2", "c", "d")]),
    "last_line_without_end": (b"1,a,b\n2,c,d", [("1", "a", "b"), ("2", "c", "d")]),
    "crlf": (b"1,a,b\r\n2,c,d\r\n", [("1", "a", "b"), ("2", "c", "d")]),
    "cr": (b"1,a,b\r2,c,d\r", [("1", "a", "b"), ("2", "c", "d")]),
    "mixed_line_ends": (
        b"1,a,b\r2,c,d\r\n3,e,f\n4,g,h",
        [("1", "a", "b"), ("2", "c", "d"), ("3", "e", "f"), ("4", "g", "h")],
    ),
    "text_as_it_stood": (b'00123,NA, x \n1E5,null,"1,234.50"\n', [("00123", "NA", " x "), ("1E5", "null", "1,234.50")]),
    "empty_quoted_or_not": (b'1,,""\n', [("1", "", "")]),
    "doubled_quotes": (b'1,"a ""b""",""""\n', [("1", 'a "b"', '"')]),
    "line_ends_in_quotes": (b'1,"a\nb\r\nc\rd",e\r\n2,f,g\r\n', [("1", "a\nb\r\nc\rd", "e"), ("2", "f", "g")]),
    "delimiter_in_quotes": (b'1,",,",","\n', [("1", ",,", ",")]),
    "backslashes": (b'1,\\,\\n\n\\N,a,"\\"\n', [("1", "\\", "\\n"), ("\\N", "a", "\\")]),
    "end_of_copy_mark_in_quotes": (b'1,"a\n\\.\nb",c\n', [("1", "a\n\\.\nb", "c")]),
    "tabs": (b"1,\t,a\tb\n", [("1", "\t", "a\tb")]),
    "multi_byte": ("1,Zoë,日本\n".encode(), [("1", "Zoë", "日本")]),
    "next_line_and_form_feed": ("1,a\x85b\u2028,\x0c\x0b\n".encode(), [("1", "a\x85b\u2028", "\x0c\x0b")]),
    "only_delimiters": (b",,\n", [("", "", "")]),
}


@pytest.mark.parametrize(("records", "rows"), LANDS.values(), ids=LANDS)
def test_values_land_as_they_stood(records: bytes, rows: list[tuple[str, ...]]) -> None:
    found = outcome(HEADER + records)
    assert found.error is None
    assert found.rejects == []
    assert found.values == [(*row, None) for row in rows]


# The records after the header; row number and values of what lands; row, line, offset, length, rule of what does not.
REJECTED = {
    "too_few_fields": (b"1,a\n2,b,c\n", [(2, "2", "b", "c")], [(1, 2, 13, 3, "field_count")]),
    "too_many_fields": (b"1,a,b,c\n2,b,c\n", [(2, "2", "b", "c")], [(1, 2, 13, 7, "field_count")]),
    "bad_between_good": (
        b"1,a,b\n2\n3,c,d\n",
        [(1, "1", "a", "b"), (3, "3", "c", "d")],
        [(2, 3, 19, 1, "field_count")],
    ),
    "bad_with_crlf": (b"1,a\r\n2,b,c\r\n", [(2, "2", "b", "c")], [(1, 2, 13, 3, "field_count")]),
    "quote_inside_field": (b'1,5" pipe,a\n2,b,c\n', [(2, "2", "b", "c")], [(1, 2, 13, 11, "broken_quoting")]),
    "text_after_quote": (b'1,"a" b,c\n2,b,c\n', [(2, "2", "b", "c")], [(1, 2, 13, 9, "broken_quoting")]),
    "blank_before_quote": (b'1, "a",b\n2,b,c\n', [(2, "2", "b", "c")], [(1, 2, 13, 8, "broken_quoting")]),
    "quote_never_closed": (
        b'1,"a,b\n2,b,c\n3,d,e\n',
        [(2, "2", "b", "c"), (3, "3", "d", "e")],
        [(1, 2, 13, 6, "broken_quoting")],
    ),
    "broken_record_costs_one_line": (
        b'1,"a\nb"x,c\n2,b,c\n',
        [(3, "2", "b", "c")],
        [(1, 2, 13, 4, "broken_quoting"), (2, 3, 18, 5, "broken_quoting")],
    ),
    "two_stray_quotes": (
        b'1,"a,b\n2,b,c\n3,"d,e\n4,f,g\n',
        [(2, "2", "b", "c"), (4, "4", "f", "g")],
        [(1, 2, 13, 6, "broken_quoting"), (3, 4, 26, 6, "broken_quoting")],
    ),
    "nul": (b"1,a\0,b\n2,b,c\n", [(2, "2", "b", "c")], [(1, 2, 13, 6, "nul")]),
    "not_utf8": (b"1,\xff,b\n2,b,c\n", [(2, "2", "b", "c")], [(1, 2, 13, 5, "undecodable")]),
    "cut_character": (b"1,\xc3,b\n2,\xc3\xa9,c\n", [(2, "2", "é", "c")], [(1, 2, 13, 5, "undecodable")]),
    "encoded_surrogate": (b"1,\xed\xa0\x80,b\n", [], [(1, 2, 13, 7, "undecodable")]),
    "end_of_copy_mark": (b"\\.\n1,a,b\n", [(2, "1", "a", "b")], [(1, 2, 13, 2, "field_count")]),
    "value_too_long": (
        b"1," + b"x" * 65_536 + b",b\n2,b,c\n",
        [(2, "2", "b", "c")],
        [(1, 2, 13, 65_540, "field_too_long")],
    ),
    "quoted_lines_too_long": (
        b'1,"' + b"x\n" * 40_000 + b'",b\n',
        [],
        [
            (1, 2, 13, 4, "quoted_field_too_long"),
            *((n, n + 1, 16 + 2 * (n - 1), 1, "field_count") for n in range(2, 40_001)),
            (40_001, 40_002, 80_016, 3, "broken_quoting"),
        ],
    ),
    "long_record": (
        b"1," + b"x" * (9 << 20) + b"\n2,b,c\n",
        [(2, "2", "b", "c")],
        [(1, 2, 13, (9 << 20) + 2, "record_too_long")],
    ),
}


@pytest.mark.parametrize(("records", "rows", "rejects"), REJECTED.values(), ids=REJECTED)
def test_a_broken_record_is_rejected_alone(records: bytes, rows: list[object], rejects: list[object]) -> None:
    data = HEADER + records
    found = outcome(data)
    assert found.error is None
    assert [row[:-1] for row in found.rows] == rows
    assert [(r.row_number, r.line_number, r.byte_offset, r.byte_length, r.rule) for r in found.rejects] == rejects
    assert all(r.raw_start == data[r.byte_offset :][: min(r.byte_length, 4096)] for r in found.rejects)
    assert found.summary.records_read == len(rows) + len(rejects)
    assert found.summary.records_rejected == len(rejects)


def test_the_longest_allowed_value_lands() -> None:
    for value in (
        b"x" * 65_535,
        b'"' + b"x" * 65_535 + b'"',
        b'"' + b'""' * 65_535 + b'"',
        b'"\n' + b"x" * 65_534 + b'"',
    ):
        assert outcome(HEADER + b"1," + value + b",b\n").rejects == []


def test_a_value_is_measured_in_bytes_of_utf8() -> None:
    contract = make_contract(limits={"name": 3})
    found = outcome(HEADER + '1,abc,x\n2,äb,x\n3,ää,x\n4,"""""""",x\n'.encode(), contract=contract)
    assert found.rules == [(3, "field_too_long")]
    assert found.values[-1][1] == '"""'


def test_blank_lines_are_counted_and_are_no_records() -> None:
    found = outcome(HEADER + b"\n1,a,b\n\n  \n\r\n2,c,d\n\n")
    assert [row[:3] for row in found.rows] == [(1, "1", "a"), (2, "2", "c")]
    assert found.summary.blank_lines == 5
    assert found.rejects == []


def test_a_lone_end_of_copy_mark_is_data_in_a_file_of_one_column() -> None:
    found = outcome(b"id\n\\.\na\n\n", contract=make_contract("id"))
    assert found.values == [("\\.", None), ("a", None)]
    assert found.summary.blank_lines == 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blank_lines_of_one_column_are_no_records_and_quoted_empty_texts_are(end: str) -> None:
    data = end.join(["id", "a", "", '""', f'"b{end}{end}c"', "", ""]).encode()
    found = outcome(data, contract=make_contract("id"))
    assert [row[:2] for row in found.rows] == [(1, "a"), (2, ""), (3, f"b{end}{end}c")]
    assert (found.summary.blank_lines, found.rejects) == (2, [])


DIALECTS = {
    "semicolon": b"ID;Name;Note\n1;a,b;c\n",
    "tab": b"ID\tName\tNote\n1\ta,b\tc\n",
    "pipe": b"ID|Name|Note\n1|a,b|c\n",
    "quoted_header": b'"ID","Name","Note"\n1,"a,b",c\n',
    "other_order": b'Note,ID,Name\nc,1,"a,b"\n',
    "other_writing": b' i d ,NAME.,"no_te"\n1,"a,b",c\n',
    "preamble": b'Monthly report\n\n"Sales; 2022"\nID;Name;Note\n1;a,b;c\n',
    "preamble_about_columns": b'ID,identifies\nName,is what it says\nID,Name,Note\n1,"a,b",c\n',
    "byte_order_mark": b'\xef\xbb\xbfID,Name,Note\n1,"a,b",c\n',
}


@pytest.mark.parametrize("data", DIALECTS.values(), ids=DIALECTS)
def test_the_header_decides_the_dialect(data: bytes) -> None:
    found = outcome(data)
    assert found.error is None
    assert found.rows == [(1, "1", "a,b", "c", None)]
    assert found.rejects == []


def test_line_numbers_and_offsets_count_from_the_start_of_the_file() -> None:
    data = b"\xef\xbb\xbfreport\n\nid,name,note\n1,a\n"
    (reject,) = outcome(data).rejects
    assert (reject.row_number, reject.line_number) == (1, 4)
    assert data[reject.byte_offset :][: reject.byte_length] == b"1,a"


def test_unknown_columns_go_to_extra_as_a_json_object() -> None:
    found = outcome(b'id,Colour,name,Colour,\n1,"r""ed\t",a,2\\,\n2,b\n3,,c,,\n')
    assert found.rows == [
        (1, "1", "a", None, '{"Colour":"r\\"ed\\t","Colour_2":"2\\\\","":""}'),
        (3, "3", "c", None, '{"Colour":"","Colour_2":"","":""}'),
    ]
    assert found.rules == [(2, "field_count")]


EXTRA_LIMIT = 65_535 - len('{"One":"","Two":""}')


@pytest.mark.parametrize(
    ("one", "two", "too_long"),
    [
        ("a" * 60_000, "b" * (EXTRA_LIMIT - 60_000), 0),
        ("a" * 60_000, "b" * (EXTRA_LIMIT - 59_999), 1),
        ("é" * 16_000, '"' + '""' * 5_000 + '"', 0),
        ("\x01" * (EXTRA_LIMIT // 6), "", 0),
        ("\x01" * (EXTRA_LIMIT // 6 + 1), "", 4),
        ('"' + "\x01," * 5_000 + '"', '"' + "\x01," * 5_000 + '"', 70_019 - 65_535),
    ],
    ids=["longest", "one byte longer", "multi-byte and quotes", "escapes", "escapes too long", "quoted"],
)
def test_what_redshift_cannot_hold_of_unknown_columns_rejects_the_record(one: str, two: str, too_long: int) -> None:
    data = f"id,One,Two\n1,x,y\n2,{one},{two}\n3,x,y\n"
    found = outcome(data.encode())
    assert [row[0] for row in found.rows] == ([1, 3] if too_long else [1, 2, 3])
    assert [(reject.row_number, reject.rule, reject.message) for reject in found.rejects] == (
        [(2, "field_too_long", f"_extra has {65_535 + too_long} bytes, 65535 are allowed")] if too_long else []
    )
    assert all(len(row[-1].encode()) <= 65_535 for row in found.rows)


def test_a_missing_column_is_null() -> None:
    assert outcome(b"name,id\na,1\n").values == [("1", "a", None, None)]


REFUSED = {
    "empty": (b"", "empty"),
    "blank": (b"\n \n", "empty"),
    "missing_key": (b"name,note\na,b\n", "lacks id"),
    "column_twice": (b"id,name,Name\n1,a,b\n", "column name twice"),
    "no_header": (b"1,a,b\n2,c,d\n", "no header"),
    "two_headers": (b"x\nid,name\n1,a\nid;name;note\n2;b;c\n", "in line 2, and another one in line 4"),
    "header_after_line_20": (b"x\n" * 20 + HEADER, "no header"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0", "PNG"),
    "html": (b"<!DOCTYPE html><html></html>", "HTML"),
    "json": (b'[{"id": 1}]', "JSON"),
    "json_lines": (b'{"id": 1}\n{"id": 2}\n', "JSON"),
    "parquet": (b"PAR1\x15\x04", "Parquet"),
    "utf16_without_mark": ("id,name,note\n1,a,b\n".encode("utf-16-le"), "UTF-16"),
}


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_file_that_is_not_the_feed_is_refused_whole_with_a_remedy(data: bytes, reason: str) -> None:
    found = outcome(data)
    assert found.error is not None
    assert found.error.startswith("things.csv: ")
    assert reason in found.error
    assert " -> " in found.error
    assert found.rows == []


def test_a_header_without_records_is_a_file_of_no_records() -> None:
    found = outcome(HEADER)
    assert (found.error, found.summary.records_read) == (None, 0)


def test_a_file_without_header_is_read_when_the_contract_says_so() -> None:
    contract = make_contract(header=False)
    assert outcome(b"1;a;b\n2;c;d\n", contract=contract).values == [("1", "a", "b", None), ("2", "c", "d", None)]
    assert outcome(b"1;a\n", contract=contract).error is not None
    assert outcome(b"", contract=contract).error is None


def test_the_contract_may_fix_the_delimiter() -> None:
    contract = make_contract(delimiter="~")
    assert outcome(b"id~name~note\n1~a,b~c\n", contract=contract).values == [("1", "a,b", "c", None)]
