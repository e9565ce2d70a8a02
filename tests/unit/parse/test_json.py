"""JSON files in every form, each with exactly what lands and what is rejected."""

from __future__ import annotations

import json

import pytest

from tests.unit.parse.support import make_contract, outcome

RECORDS = [("1", "a", "b", None), ("2", None, "c", None)]

FORMS = {
    "array": b'[{"Id": 1, "Name": "a", "Note": "b"}, {"Id": 2, "Name": null, "Note": "c"}]',
    "indented_array": b'[\r\n{\r\n "Id": 1,\r\n "Name": "a",\r\n "Note": "b"\r\n},\r\n {"Id": 2, "Note": "c"}\r\n]\r\n',
    "byte_order_mark": b'\xef\xbb\xbf [{"Id": 1, "Name": "a", "Note": "b"}, {"Id": 2, "Note": "c"}]',
    "lines": b'{"Id": 1, "Name": "a", "Note": "b"}\n{"Id": 2, "Note": "c"}\n',
    "lines_without_last_end": b'{"Id": 1, "Name": "a", "Note": "b"}\r\n{"Id": 2, "Note": "c"}',
    "concatenated": b'{"Id": 1, "Name": "a", "Note": "b"}{"Id": 2, "Note": "c"}',
    "concatenated_indented": b'{\n"Id": 1,\n"Name": "a",\n"Note": "b"\n}\n{\n"Id": 2,\n"Note": "c"\n}\n',
    "other_names": b'[{"ID": 1, "name": "a", "no te": "b"}, {"note": "c", "i_d": 2}]',
}


@pytest.mark.parametrize("data", FORMS.values(), ids=FORMS)
def test_each_form_gives_the_same_records(data: bytes) -> None:
    found = outcome(data, "things.json")
    assert found.error is None
    assert found.values == RECORDS


def test_one_object_is_one_record() -> None:
    for data in (b'{"Id": 1}', b'{\n  "Id": 1\n}\n'):
        assert outcome(data, "things.json").values == [("1", None, None, None)]


def test_records_lie_under_the_path_that_the_contract_names() -> None:
    contract = make_contract(json_path="data.items")
    before = b'{"meta": {"items": [1], "data": {}}, "data": {"count": 2, "items": '
    found = outcome(before + FORMS["array"] + b', "more": [1, {"x": "]"}]}, "end": null}\n', "things.json", contract)
    assert found.error is None
    assert found.values == RECORDS


@pytest.mark.parametrize(
    "data",
    [
        b'{"data": {}}',
        b'{"data": []}',
        b'{"data": {"items": {}}}',
        b'[{"Id": 1}]',
        b'{"data": {"items": [{"Id": 1}], "items": []}}',
        b'{"data": {"items": [{"Id": 1}]}',
        b'{"data": {"items": [{"Id": 1}]}} x',
    ],
)
def test_a_document_without_its_array_is_refused(data: bytes) -> None:
    assert outcome(data, "things.json", make_contract(json_path="data.items")).error is not None


NUMBERS = ["-0", "0.10", "1E400", "1e-7", "12345678901234567890.12345678901234567890", "9" * 400, "-1.0E+2"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("form", ["[{}]", "[{},{}]", "{}\n{}\n"])
def test_numbers_keep_their_own_text(number: str, form: str) -> None:
    data = form.replace("{}", '{"Id": 1, "Name": ' + number + "}").encode()
    assert {row[1] for row in outcome(data, "things.json").values} == {number}


def test_values_land_as_they_stood() -> None:
    records = b"""[
        {"Id": "00123", "Name": true, "Note": ""},
        {"Id": " x ", "Name": "null", "Note": "\\\\N"},
        {"Id": "a\\tb\\nc\\rd\\be\\ff\\/g\\\\h\\"i", "Name": "\\u00e9\\ud83d\\ude00\\u0041\\u0009", "Note": "\\\\u41"},
        {"Id": "\\\\.", "Name": "\\\\", "Note": "\\":"}
    ]"""
    assert outcome(records, "things.json").values == [
        ("00123", "true", "", None),
        (" x ", "null", "\\N", None),
        ('a\tb\nc\rd\be\ff/g\\h"i', "é😀A\t", "\\u41", None),
        ("\\.", "\\", '":', None),
    ]


def test_nested_values_land_as_compact_json_with_their_digits() -> None:
    data = b'[{"Id": 1, "Name": [1.10, {"a": -0, "b": [ ]}], "Note": {"x" : "\xc3\xa9\\n"}}]'
    assert outcome(data, "things.json").values == [("1", '[1.10,{"a":-0,"b":[]}]', '{"x":"é\\n"}', None)]


def test_unknown_names_go_to_extra() -> None:
    data = b'[{"Id": 1}, {"Id": 2, "colour": "r\\ted", "size": 1.50}]'
    assert outcome(data, "things.json").values == [
        ("1", None, None, None),
        ("2", None, None, '{"colour":"r\\ted","size":1.50}'),
    ]


@pytest.mark.parametrize("records", [2, 2000])
def test_unknown_names_stand_in_the_order_in_which_the_file_brought_them(records: int) -> None:
    data = b"\n".join([b'{"Id": 1, "b": 1.0, "a": [2]}', b'{"a": "\\u00e9", "Id": 2, "c": null, "b": 1}'] * records)
    assert (
        outcome(data, "things.jsonl").values
        == [
            ("1", None, None, '{"b":1.0,"a":[2]}'),
            ("2", None, None, '{"b":1,"a":"é","c":null}'),
        ]
        * records
    )


def in_form(name: str, records: list[str]) -> bytes:
    return ("\n".join(records) if name.endswith(".jsonl") else f"[{','.join(records)}]").encode()


@pytest.mark.parametrize("unknown", ['"', "\\", "a\nb", "\x01", "", "\u2028", "field_0", "_row_number"], ids=repr)
@pytest.mark.parametrize("name", ["things.json", "things.jsonl"])
def test_an_unknown_name_may_be_any_text(name: str, unknown: str) -> None:
    records = [json.dumps({"Id": n, unknown: 1} if n % 3 else {"Id": n}) for n in range(200)]
    extra = f"{{{json.dumps(unknown, ensure_ascii=False)}:1}}"
    found = outcome(in_form(name, records), name)
    assert found.values == [(str(n), None, None, extra if n % 3 else None) for n in range(200)]


@pytest.mark.parametrize("name", ["things.json", "things.jsonl"])
def test_a_column_s_name_may_be_written_with_quotes(name: str) -> None:
    records = [json.dumps({'"I\\d"': n} if n % 3 else {"Id": n}) for n in range(200)]
    assert [row[0] for row in outcome(in_form(name, records), name).values] == [str(n) for n in range(200)]


def test_any_number_of_unknown_names_lands() -> None:
    data = b"\n".join(b'{"Id": %d, "n%d": 1, "m%d": 2}' % (number, number, number) for number in range(3000))
    assert [row[3] for row in outcome(data, "things.jsonl").values] == [
        f'{{"n{number}":1,"m{number}":2}}' for number in range(3000)
    ]


GOOD = '{"Id": 0}'

REJECTED = {
    "nan": ('{"Id": NaN}', "not_a_number"),
    "infinity": ('{"Id": -Infinity}', "not_a_number"),
    "duplicate_name": ('{"Id": 1, "Id": 1}', "duplicate_name"),
    "nested_duplicate_name": ('{"Id": {"a": 1, "a": 1}}', "duplicate_name"),
    "two_names_of_one_column": ('{"Id": 1, "ID": 1}', "duplicate_name"),
    "lone_surrogate": ('{"Id": "\\ud800x"}', "lone_surrogate"),
    "swapped_surrogates": ('{"Id": "\\ude00\\ud83d"}', "lone_surrogate"),
    "surrogate_in_name": ('{"\\udc00": 1}', "lone_surrogate"),
    "escaped_nul": ('{"Id": "\\u0000"}', "nul"),
    "nul": ('{"Id": "\0"}', "nul"),
    "deep": ('{"Id": ' + "[" * 100 + "]" * 100 + "}", "too_deep"),
    "number": ("1", "not_an_object"),
    "text": ('"Id"', "not_an_object"),
    "array": ('[{"Id": 1}]', "not_an_object"),
    "null": ("null", "not_an_object"),
    "long_value": ('{"Id": "' + "x" * 65_536 + '"}', "field_too_long"),
    "long_record": ('{"Id": "' + "x" * (9 << 20) + '"}', "record_too_long"),
    "long_nesting": ("[" * (9 << 20) + "]" * (9 << 20), "record_too_long"),
}


@pytest.mark.parametrize(("bad", "rule"), REJECTED.values(), ids=REJECTED)
@pytest.mark.parametrize(("form", "name"), [("[{}]", "things.json"), ("{}", "things.jsonl")], ids=["array", "lines"])
def test_a_bad_record_is_rejected_alone_with_its_rule_and_place(form: str, name: str, bad: str, rule: str) -> None:
    separator = ",\n" if form == "[{}]" else "\n"
    data = form.replace("{}", separator.join([GOOD, bad, GOOD])).encode()
    found = outcome(data, name)
    assert found.error is None
    assert [row[:2] for row in found.rows] == [(1, "0"), (3, "0")]
    (reject,) = found.rejects
    assert (reject.row_number, reject.line_number, reject.rule) == (2, 2, rule)
    assert data[reject.byte_offset :][: reject.byte_length] == bad.encode()
    assert reject.raw_start == bad.encode()[:4096]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_line_of_8_mib_lands_and_one_byte_more_is_too_long(end: str) -> None:
    for length, rules in ((8 << 20, []), ((8 << 20) + 1, [(1, "record_too_long")])):
        found = outcome(('{"Id": 1' + " " * (length - 9) + "}" + end).encode(), "things.jsonl")
        assert (found.error, found.rules, len(found.rows)) == (None, rules, 1 - len(rules))


def test_nesting_of_100_levels_lands() -> None:
    data = ('[{"Id": ' + "[" * 99 + "]" * 99 + "}]").encode()
    assert outcome(data, "things.json").rejects == []


def test_bytes_that_are_no_utf8_reject_their_record() -> None:
    found = outcome(b'[{"Id": 1}, {"Id": "\xff"}, {"Id": 3}]', "things.json")
    assert found.rules == [(2, "undecodable")]
    assert [row[0] for row in found.values] == ["1", "3"]


MALFORMED_LINES = [
    '{"Id": 1',
    '{"Id": 1}}',
    '{"Id": 1},',
    '{"Id": 01}',
    "{'Id': 1}",
    '{"Id": 1} {"Id": 2}',
    '{"Id": "a',
    "x",
]


@pytest.mark.parametrize("bad", MALFORMED_LINES)
def test_a_malformed_line_is_rejected_alone(bad: str) -> None:
    found = outcome(f"{GOOD}\n{bad}\n\n{GOOD}\n".encode(), "things.json")
    assert found.error is None
    assert found.rules == [(2, "malformed")]
    assert found.rejects[0].byte_length == len(bad)
    assert len(found.rows) == 2
    assert found.summary.blank_lines == 1


BROKEN = {
    "missing_value": (b'[{"Id": 1},{"Id": }]', 18),
    "missing_comma": (b'[{"Id": 1} {"Id": 2}]', 11),
    "trailing_comma": (b'[{"Id": 1},]', 11),
    "control_character": (b'[{"Id": "a\nb"}]', 10),
    "cut_after_record": (b'[{"Id": 1}', 10),
    "cut_after_comma": (b'[{"Id": 1},', 11),
    "more_after_the_array": (b'[{"Id": 1}] {"Id": 2}', 12),
    "wrong_bracket": (b'[{"Id": [1}]]', 10),
}


@pytest.mark.parametrize(("data", "offset"), BROKEN.values(), ids=BROKEN)
def test_a_syntax_error_in_an_array_refuses_the_file_at_its_offset(data: bytes, offset: int) -> None:
    found = outcome(data, "things.json")
    assert found.error is not None
    assert f"byte {offset}," in found.error


@pytest.mark.parametrize("data", [b'[{"Id": "abc', b'[{"Id": {"a": [', b'{\n"Id": 1'])
def test_a_cut_off_document_is_refused(data: bytes) -> None:
    found = outcome(data, "things.json")
    assert found.error is not None
    assert "the file ends" in found.error


def test_a_file_in_which_no_record_has_the_key_is_refused() -> None:
    found = outcome(b'[{"Name": "a"}, {"Name": "b"}]', "things.json")
    assert found.error is not None
    assert "id" in found.error


@pytest.mark.parametrize("first", ['{"Name": "a"}', '{"Name": "a", "Note": "b"}'])
def test_a_key_that_only_later_records_have_is_seen(first: str) -> None:
    data = "\n".join([first, *['{"Id": "1", "Name": "b"}'] * 3]).encode()
    for name, content in (("things.jsonl", data), ("things.json", b"[" + data.replace(b"\n", b",") + b"]")):
        found = outcome(content, name)
        assert (found.error, len(found.rows)) == (None, 4)


@pytest.mark.parametrize("first", ["null", "true", "1", '"x"', "[]", "{}"])
def test_an_array_is_json_whatever_the_file_is_called_and_its_first_record_is(first: str) -> None:
    found = outcome(f'[{first}, {{"Id": 1}}]'.encode(), "raw/things/api/x")
    assert (found.error, found.rows[-1][:2]) == (None, (2, "1"))


@pytest.mark.parametrize("data", [b"id,name\n1,a\n", b"Hello", b"name: x\n", b"\x89PNG\r\n"])
def test_a_file_named_json_that_is_not_json_is_refused(data: bytes) -> None:
    assert outcome(data, "things.json").error is not None


@pytest.mark.parametrize("data", [b"", b" \n", b"[]", b"[ ]\n"])
def test_no_records_are_a_file_of_no_records(data: bytes) -> None:
    found = outcome(data, "things.json")
    assert (found.error, found.summary.records_read) == (None, 0)
