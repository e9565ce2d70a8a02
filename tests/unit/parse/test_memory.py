"""No file needs more memory than a few records: files far larger than that are made while they are read."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from loaders.parse import read
from tests.unit.parse.support import make_contract

MEGABYTE = 1 << 20
SIZE = 48 * MEGABYTE
ALLOWED = 40 * MEGABYTE


class Repeated:
    """`head`, then `piece` again and again, then `tail`."""

    def __init__(self, head: bytes, piece: bytes, tail: bytes) -> None:
        self._pieces = self._all(head, piece * (MEGABYTE // len(piece)), tail)

    def _all(self, head: bytes, megabyte: bytes, tail: bytes) -> Iterator[bytes]:
        yield head
        yield from [megabyte] * (SIZE // MEGABYTE)
        yield tail

    def read(self, size: int, /) -> bytes:
        return next(self._pieces, b"")


FILES = {
    "csv_without_line_end": ("things.csv", b"id,name,note\n1,a,b\n", b"x,", b"\n2,c,d\n", 2),
    "csv_that_never_closes_a_quote": ("things.csv", b'id,name,note\n1,a,b\n1,"', b"x,", b"\n2,c,d\n", 2),
    "csv_of_quotes": ("things.csv", b"id,name,note\n1,a,b\n", b'"', b"\n2,c,d\n", 2),
    "json_of_one_string": ("things.json", b'[{"Id": 1},{"Id": "', b"x\\n", b'"},{"Id": 2}]', 2),
    "json_of_one_number": ("things.json", b'[{"Id": 1},', b"1", b',{"Id": 2}]', 2),
    "json_of_white_space": ("things.json", b'[{"Id": 1},', b" \n", b'{"Id": 2}]', 2),
    "json_line_without_end": ("things.jsonl", b'{"Id": 1}\n', b'{"Id": ', b'\n{"Id": 2}\n', 2),
    "json_of_empty_arrays": ("things.json", b'[{"Id": 1},[', b"[" * 5000 + b"]" * 5000 + b",", b'[]],{"Id": 2}]', 2),
}


@pytest.mark.parametrize(("name", "head", "piece", "tail", "landed"), FILES.values(), ids=FILES)
def test_a_huge_record_is_read_past_in_little_memory(
    name: str, head: bytes, piece: bytes, tail: bytes, landed: int
) -> None:
    tracemalloc.start()
    try:
        reader = read(Repeated(head, piece, tail), name, make_contract())
        for _ in reader:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reader.summary.records_loaded == landed
    assert peak < ALLOWED
