"""Records of a nested feed: their structure kept, their values as text, what does not fit rejected alone."""

import io
import json
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from loaders.contract import ArrayTable, Column, Contract, Step
from loaders.errors import DataError
from loaders.parse import Lines, Reject, Summary, read_nested
from loaders.parse.json_record import parsed
from tests.unit.parse import support
from tests.unit.parse.support import blocks_of, make_contract


def column(name: str, source_name: str = "", inside: tuple[Step, ...] = (), max_bytes: int = 65_535) -> Column:
    return Column(name, source_name or name, "string", "text", "", max_bytes=max_bytes, inside=inside)


def step(name: str) -> Step:
    return Step(name, name)


SHIPPING = (Step("shipping", "Ship To"),)
STOPS = ArrayTable("things__parcels__stops", (step("stops"),), "", (column("value"),), of_scalars=True)
PARCELS = ArrayTable(
    "things__parcels",
    (*SHIPPING, step("parcels")),
    "",
    (column("code", max_bytes=5), column("size_kg", "kg", (step("size"),))),
    (STOPS,),
)
TAGS = ArrayTable("things__tags", (step("tags"),), "", (column("value"),), of_scalars=True)


def contract() -> Contract:
    flat = make_contract("id name")
    columns = (*flat.columns, column("shipping_city", "city", SHIPPING), column("shipping_zip", "zip", SHIPPING))
    return replace(flat, columns=columns, arrays=(PARCELS, TAGS))


def outcome(data: bytes, name: str = "things.json") -> tuple[list[dict[str, Any]], list[Reject], Summary]:
    reader = read_nested(io.BytesIO(data), name, contract())
    lines: list[dict[str, Any]] = []
    rejects: list[Reject] = []
    for piece in reader:
        if isinstance(piece, Lines):
            assert piece.payload.count(b"\n") == piece.records
            lines += [json.loads(line) for line in piece.payload.splitlines()]
        else:
            rejects.append(piece)
    return lines, rejects, reader.summary


def test_every_value_is_text_with_the_digits_of_the_file_and_the_structure_stays() -> None:
    record = (
        b'{"Id": 1.10, "name": "Z\\u00fcrich \\ud83d\\ude00", "ship to": {"ZIP": 1e400, "city": null, "parcels": ['
        b'{"code": true, "size": {"kg": 0.1000000000000000055511151231257827}, "stops": [1, null, "b"]}, null, {}]},'
        b'"tags": []}'
    )
    lines, rejects, summary = outcome(b"[" + record + b"]")
    parcel = {"code": "true", "size": {"kg": "0.1000000000000000055511151231257827"}, "stops": ["1", None, "b"]}
    expected = {
        "_row_number": 1,
        "id": "1.10",
        "name": "Zürich 😀",
        "shipping": {"zip": "1e400", "parcels": [parcel, None, {}]},
        "tags": [],
    }
    assert (lines, rejects) == ([expected], [])
    assert summary.elements == Counter({"things__parcels": 3, "things__parcels__stops": 3, "things__tags": 0})


def test_what_the_contract_does_not_know_stays_with_its_record_or_element_under_its_place() -> None:
    record = {"Id": 1, "new": [1], "Ship To": {"city": "a", "floor": 2, "parcels": [{"code": "x", "size": {"cm": 3}}]}}
    [line], _, _ = outcome(json.dumps(record).encode())
    assert json.loads(line["_extra"]) == {"new": [1], "Ship To": {"floor": 2}}
    assert json.loads(line["shipping"]["parcels"][0]["_extra"]) == {"size": {"cm": 3}}


BAD = {
    "object-for-a-scalar-is-text": (b'{"Id": {"a": 1}}', None),
    "scalar-for-an-object": (b'{"Id": 1, "Ship To": "Austin"}', "not_an_object"),
    "array-for-an-object": (b'{"Id": 1, "Ship To": []}', "not_an_object"),
    "object-for-an-array": (b'{"Id": 1, "tags": {"a": 1}}', "not_an_array"),
    "scalar-for-an-array": (b'{"Id": 1, "tags": 7}', "not_an_array"),
    "scalar-for-an-element": (b'{"Id": 1, "Ship To": {"parcels": [7]}}', "not_an_object"),
    "long-in-an-array": (b'{"Id": 1, "Ship To": {"parcels": [{"code": "123456"}]}}', "field_too_long"),
    "same-name-twice": (b'{"Id": 1, "Ship To": {"city": 1, "CITY": 2}}', "duplicate_name"),
    "nul": (b'{"Id": 1, "tags": ["\\u0000"]}', "nul"),
    "half-a-surrogate": (b'{"Id": 1, "tags": ["\\ud800"]}', "lone_surrogate"),
    "not-an-object": (b"7", "not_an_object"),
}


@pytest.mark.parametrize(("record", "rule"), BAD.values(), ids=BAD)
def test_a_record_of_another_structure_is_rejected_alone_and_its_elements_do_not_count(
    record: bytes, rule: str | None
) -> None:
    good = b'{"Id": 5, "tags": ["a"]}'
    lines, rejects, summary = outcome(b"[" + b",".join([good, record, good]) + b"]")
    assert [(reject.row_number, reject.rule) for reject in rejects] == ([(2, rule)] if rule else [])
    assert [line["_row_number"] for line in lines] == ([1, 3] if rule else [1, 2, 3])
    assert (summary.records_read, summary.records_rejected) == (3, len(rejects))
    assert summary.elements["things__tags"] == 2


WRONG_ELEMENTS = {
    "scalar-for-an-element": (
        {"Ship To": {"parcels": [{}, None, 7]}},
        "shipping_parcels[3] is a number, an object is expected",
    ),
    "long-in-an-element": (
        {"Ship To": {"parcels": [{}, {"code": "SECRET"}]}},
        "shipping_parcels[2].code has 6 bytes, 5 are allowed",
    ),
    "object-in-an-element": (
        {"Ship To": {"parcels": [{"size": 1}]}},
        "shipping_parcels[1].size is a number, an object is expected",
    ),
    "array-in-an-element": (
        {"Ship To": {"parcels": [{}, {"stops": "SECRET"}]}},
        "shipping_parcels[2].stops is a string, an array is expected",
    ),
    "element-in-an-element": (
        {"Ship To": {"parcels": [{"stops": ["a"]}, {"stops": ["a", "b", "SECRET" * 11_000]}]}},
        "shipping_parcels[2].stops[3] has 66000 bytes, 65535 are allowed",
    ),
    "unknown-of-an-element": (
        {"Ship To": {"parcels": [{"SECRET": "x" * 66_000}]}},
        "shipping_parcels[1]._extra has 66013 bytes, 65535 are allowed",
    ),
    "name-twice-in-an-element": (
        {"Ship To": {"parcels": [{"code": 1, "CODE": 2}]}},
        "shipping_parcels[1] has two names that mean code",
    ),
    "name-twice-in-the-record": ({"ID": 2}, "the record has two names that mean id"),
}


@pytest.mark.parametrize(("members", "message"), WRONG_ELEMENTS.values(), ids=WRONG_ELEMENTS)
def test_a_reject_names_the_element_that_is_wrong_and_quotes_nothing_of_it(
    members: dict[str, Any], message: str
) -> None:
    _, [reject], _ = outcome(json.dumps([{"Id": 1}, {"Id": 2} | members]).encode())
    assert reject.message == message


def test_every_form_of_json_gives_the_same_records() -> None:
    records = [json.dumps({"Id": n, "tags": [n, "\n"]}) for n in range(60)]
    forms = {
        "things.json": "[" + ",\r\n ".join(records) + "]",
        "things.jsonl": "\n".join(records),
        "objects.json": "\n\n".join(json.dumps(json.loads(record), indent=2) for record in records),
    }
    found = [outcome(text.encode(), name)[0] for name, text in forms.items()]
    assert found[0] == found[1] == found[2]
    with blocks_of(100):
        assert outcome(forms["things.json"].encode())[0] == found[0]


@pytest.mark.parametrize(
    ("name", "data"), [("things.csv", b"Id,name\n1,a\n"), ("x", b"PAR1....PAR1")], ids=["csv", "parquet"]
)
def test_a_file_that_is_not_json_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(DataError, match="the feed's records are nested -> deliver the records as JSON"):
        outcome(data, name)


def test_records_without_their_key_belong_to_another_feed() -> None:
    with pytest.raises(DataError, match="no record has id"):
        outcome(b'[{"tags": [1]}]')


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**30, max_value=10**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 0, "", '"', "\\", "\u2028", "😀", "a\nb\t", "\\u0000"]),
    st.text(),
)
NUMBERS = st.sampled_from(["-0", "1.10", "1e400", "0.1000000000000000055511151231257827", "10000000000000000000000"])


def _members(**named: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=named)


STOPS_IN = st.one_of(st.lists(VALUES, max_size=3), VALUES)
PARCEL = st.one_of(_members(code=st.text(max_size=3), size=_members(kg=VALUES, cm=VALUES), stops=STOPS_IN), st.none())
SHIP_TO = _members(city=VALUES, ZIP=st.recursive(VALUES, st.lists, max_leaves=3), parcels=st.lists(PARCEL, max_size=3))
RECORDS = st.lists(
    st.fixed_dictionaries(
        {"Id": VALUES},
        optional={"name": VALUES, "Ship To": SHIP_TO, "tags": STOPS_IN, "new": st.lists(VALUES, max_size=2)},
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=150)
@given(RECORDS, NUMBERS, st.sampled_from([None, 2]), st.booleans(), st.booleans())
def test_whole_blocks_and_single_records_give_the_same(
    records: list[dict[str, Any]], number: str, indent: int | None, lines: bool, ascii_only: bool
) -> None:
    texts = [json.dumps(one, indent=None if lines else indent, ensure_ascii=ascii_only) for one in records]
    texts.append(f'{{"Id": 1, "name": {number}, "tags": [{number}, {number}]}}')
    text = "\n".join(texts) if lines else "[" + ",\n".join(texts) + "]"
    name = "things.jsonl" if lines else "things.json"
    data = text.encode("utf-8", "surrogatepass")
    with blocks_of(300):
        found = outcome(data, name)
    with patch("loaders.parse.json_intake.RecordIntake.take_block", lambda *_: False):
        expected = outcome(data, name)
    assert found == expected


@pytest.mark.parametrize("name", ["things.json", "things.jsonl"])
def test_records_with_objects_and_no_arrays_are_rows(name: str) -> None:
    with_objects = replace(contract(), arrays=())
    record = {"Id": 1, "name": "a\tb", "Ship To": {"ZIP": 1.5, "city": "\\", "floor": "é\n"}, "new": [1]}
    bad = {"Id": 2, "Ship To": 7}
    records = [json.dumps(one) for one in [*[record] * 300, bad, {"Id": 3}, *[record] * 300]]
    text = "\n".join(records) if name.endswith("l") else f"[{','.join(records)}]"
    for block in (4096, 1 << 20):
        with blocks_of(block):
            found = support.outcome(text.encode(), name, contract=with_objects)
        extra = '{"Ship To":{"floor":"é\\n"},"new":[1]}'
        row = ("1", "a\tb", "\\", "1.5", extra)
        assert found.values == [*[row] * 300, ("3", None, None, None, None), *[row] * 300]
        assert found.rules == [(301, "not_an_object")]


HOSTILE = {name: record for name, (record, _) in BAD.items()} | {
    "undecodable": b'{"Id": 1, "name": "\xff"}',
    "pair-of-surrogates": b'{"Id": 1, "name": "\\ud83d\\ude00", "tags": ["\\u0041\\u0022"]}',
    "name-twice-deep": b'{"Id": 1, "Ship To": {"parcels": [{"code": 1, "code": 2}]}}',
    "name-twice-beside-escaped-quotes": b'{"Id": 1, "tags": [1], "tags": [2], "name": "\\u0022\\u0022"}',
    "name-twice-beside-backslashes": b'{"Id": 1, "tags": [1], "tags": [2], "name": "\\u005cu0022\\\\\\u00750022"}',
    "escaped-quotes": b'{"Id": 1, "name": "\\u0022 \\\\u0022 \\\\\\u0022", "\\u0022": 1}',
    "name-twice-unknown": b'{"Id": 1, "x": {"a": 1, "a": 2}}',
    "nan": b'{"Id": NaN}',
    "deep": b'{"Id": 1, "x": ' + b"[" * 101 + b"]" * 101 + b"}",
    "negative-zero": b'{"Id": -0, "tags": [-0, -0.0, -0e1]}',
    "empty": b"{}",
}


@pytest.mark.parametrize("record", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", ["things.json", "things.jsonl"])
def test_a_hostile_record_in_a_block_is_treated_as_alone(name: str, record: bytes) -> None:
    good = [b'{"Id": %d, "tags": [%d, "a"]}' % (n, n) for n in range(300)]
    records = [*good, record, *good]
    data = b"\n".join(records) if name.endswith("l") else b"[" + b",\n".join(records) + b"]"
    found: list[Any] = []
    for block in (True, False):
        with ExitStack() as stack:
            if not block:
                stack.enter_context(patch("loaders.parse.json_intake.RecordIntake.take_block", lambda *_: False))
            try:
                found.append(outcome(data, name))
            except DataError as error:
                found.append(str(error))
    assert found[0] == found[1]


def test_most_records_are_taken_in_whole_blocks() -> None:
    data = "\n".join(json.dumps({"Id": n, "tags": [1.5, "x"], "Ship To": {"city": n}}) for n in range(2000)).encode()
    with patch("loaders.parse.json_nested.parsed", wraps=parsed) as looked_at:
        lines, _, _ = outcome(data, "things.jsonl")
    assert len(lines) == 2000
    assert looked_at.call_count < 20
