"""Files in other encodings than UTF-8."""

from __future__ import annotations

import pytest

from loaders.errors import ContractError
from loaders.parse.batch import RAW_START_BYTES
from tests.unit.parse.support import make_contract, outcome

TEXT = 'id,name,note\r\n1,Zoë,"日\n本"\r\n2,x\r\n3,\U0001f600,é\r\n'


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("trickle", [1, 3, 1 << 20])
def test_a_byte_order_mark_decides_the_encoding(encoding: str, trickle: int) -> None:
    data = TEXT.encode(encoding)
    found = outcome(data, trickle=trickle)
    assert found.values == [("1", "Zoë", "日\n本", None), ("3", "\U0001f600", "é", None)]
    (reject,) = found.rejects
    assert (reject.row_number, reject.line_number) == (2, 4)
    assert data[reject.byte_offset :][: reject.byte_length] == reject.raw_start
    assert reject.raw_start.decode("utf-8" if encoding == "utf-8-sig" else "utf-16-le") == "2,x"


def test_big_endian_utf16_is_read() -> None:
    data = b"\xfe\xff" + TEXT.encode("utf-16-be")
    assert len(outcome(data).rows) == 2


@pytest.mark.parametrize("encoding", ["utf-32-le", "utf-32-be"])
def test_utf32_is_read_when_the_contract_names_it_and_refused_otherwise(encoding: str) -> None:
    data = ("\ufeff" + TEXT).encode(encoding)
    assert len(outcome(data, contract=make_contract(encoding="utf-32")).rows) == 2
    refused = outcome(data).error
    assert refused is not None
    assert "the file is UTF-32" in str(refused)


def test_json_may_be_utf16() -> None:
    assert outcome('[{"Id": "日"}]'.encode("utf-16"), "things.json").values == [("日", None, None, None)]


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-15", "utf-16-be"])
def test_the_contract_may_name_an_encoding(encoding: str) -> None:
    contract = make_contract(encoding=encoding)
    found = outcome("id,name,note\n1,Zoë,é\n2\n".encode(encoding), contract=contract)
    assert found.values == [("1", "Zoë", "é", None)]
    assert found.rejects[0].raw_start == "2".encode(encoding)


def test_bytes_that_the_encoding_does_not_have_reject_their_record() -> None:
    data = b"id,name,note\n1,\xe9,b\n2,\x81\x8d,b\n3,\xe9,b\n4\n"
    found = outcome(data, contract=make_contract(encoding="cp1252"))
    assert found.rules == [(2, "undecodable"), (4, "field_count")]
    assert [data[r.byte_offset :][: r.byte_length] for r in found.rejects] == [b"2,\x81\x8d,b", b"4"]
    assert [r.raw_start for r in found.rejects] == [b"2,\x81\x8d,b", b"4"]


def test_half_a_surrogate_pair_in_utf16_rejects_its_record() -> None:
    data = (
        "id,name,note\n1,a,b\n".encode("utf-16")
        + "2,".encode("utf-16-le")
        + b"\x00\xd8"
        + ",x\n".encode("utf-16-le")
        + "3,c,d".encode("utf-16-le")
        + b"\x00"
    )
    found = outcome(data)
    assert [rule for _, rule in found.rules] == ["undecodable", "undecodable"]
    assert [data[r.byte_offset :][: r.byte_length] for r in found.rejects] == [r.raw_start for r in found.rejects]


@pytest.mark.parametrize("before", ["", "x"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("things.csv", "id,name,note\n{},a,b\n"),
        ("things.jsonl", '{{"id": 1}}\n{{"id": "{}"}}\n'),
        ("things.json", '[{{"id": 1}},\n{{"id": "{}"}}\n]'),
    ],
    ids=["csv", "lines", "array"],
)
def test_a_record_too_long_is_rejected_alone_wherever_its_characters_fall(name: str, text: str, before: str) -> None:
    data = text.format(before + "é" * (5 << 20)).encode("latin-1")
    found = outcome(data, name, make_contract(encoding="latin-1"))
    assert found.error is None
    [reject] = found.rejects
    assert reject.rule == "record_too_long"
    assert reject.byte_offset is not None
    assert data[reject.byte_offset :].startswith(reject.raw_start)
    assert len(reject.raw_start) == RAW_START_BYTES


def test_latin_1_that_nobody_named_rejects_only_its_records() -> None:
    found = outcome(b"id,name,note\n1,\xe9,b\n2,e,b\n")
    assert found.rules == [(1, "undecodable")]
    assert len(found.rows) == 1


def test_an_unknown_encoding_is_the_contracts_mistake() -> None:
    with pytest.raises(ContractError, match="klingon"):
        outcome(b"id\n1\n", contract=make_contract(encoding="klingon"))
