"""Records of a nested feed: their structure kept, their values as text, what does not fit rejected alone."""

import io
import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from loaders.contract import ArrayTable, Column, Contract, Step
from loaders.errors import DataError
from loaders.parse import Lines, Reject, Summary, read_nested
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
