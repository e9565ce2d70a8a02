"""Compressed files, recognized by what they are."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile

import pytest

from tests.unit.parse.support import outcome

DATA = b"id,name,note\n" + b"".join(b"%d,a,b\n" % number for number in range(2000))
HALF = len(DATA) // 2


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as file:
        for name, data in members:
            file.writestr(name, data)
    return archive.getvalue()


READABLE = {
    "gzip": gzip.compress(DATA),
    "gzip_of_two_members": gzip.compress(DATA[:HALF]) + gzip.compress(DATA[HALF:]),
    "gzip_with_an_empty_member": gzip.compress(DATA) + gzip.compress(b""),
    "bzip2": bz2.compress(DATA),
    "bzip2_of_two_streams": bz2.compress(DATA[:HALF]) + bz2.compress(DATA[HALF:]),
    "zip": zipped(("things.csv", DATA)),
    "zip_without_compression": zipped(("things.csv", DATA), method=zipfile.ZIP_STORED),
    "zip_of_macos": zipped(("things.csv", DATA), ("__MACOSX/._things.csv", b"\0\5\26\7")),
    "zip_with_a_folder": zipped(("data/", b""), ("data/things.csv", DATA)),
}


@pytest.mark.parametrize("name", ["things.csv", "things.csv.gz", "things"])
@pytest.mark.parametrize("data", READABLE.values(), ids=READABLE)
@pytest.mark.parametrize("trickle", [7, 1 << 20])
def test_compression_is_told_by_content_and_not_by_name(data: bytes, name: str, trickle: int) -> None:
    found = outcome(data, name, trickle=trickle)
    assert found.error is None
    assert found.summary.records_loaded == 2000
    assert found.rejects == []


def damaged(data: bytes) -> bytes:
    """The data with one byte changed in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x55]) + data[middle + 1 :]


def changed(data: bytes, place: int, byte: int) -> bytes:
    """The data with another byte at one place."""
    copy = bytearray(data)
    copy[place] = byte
    return bytes(copy)


UNREADABLE = {
    "gzip_cut": gzip.compress(DATA)[:-4],
    "gzip_cut_short": gzip.compress(DATA)[:200],
    "gzip_damaged": damaged(gzip.compress(DATA)),
    "gzip_with_other_bytes_after": gzip.compress(DATA) + b"more",
    "gzip_second_member_cut": gzip.compress(DATA) + gzip.compress(DATA)[:50],
    "bzip2_cut": bz2.compress(DATA)[:-4],
    "bzip2_damaged": damaged(bz2.compress(DATA)),
    "bzip2_with_other_bytes_after": bz2.compress(DATA) + b"more",
    "bzip2_second_stream_cut": bz2.compress(DATA) + bz2.compress(DATA)[:50],
    "zip_cut": zipped(("things.csv", DATA))[:-30],
    "zip_damaged": damaged(zipped(("things.csv", DATA))),
    "zip_of_bzip2_damaged": damaged(zipped(("things.csv", DATA), method=zipfile.ZIP_BZIP2)),
    "zip_of_lzma_damaged": damaged(zipped(("things.csv", DATA), method=zipfile.ZIP_LZMA)),
    "zip_with_a_wrong_place": changed(zipped(("things.csv", DATA)), -6, 0xFF),
    "zip_of_another_version": changed(zipped(("things.csv", DATA)), -72, 0xFF),
    "zip_empty": zipped(),
    "zip_of_two_files": zipped(("a.csv", DATA), ("b.csv", DATA)),
    "workbook": zipped(("[Content_Types].xml", b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")),
    "gzip_in_gzip": gzip.compress(gzip.compress(DATA)),
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
def test_a_damaged_or_foreign_archive_is_refused_whole_with_a_remedy(data: bytes) -> None:
    found = outcome(data)
    assert found.error is not None
    assert " -> " in found.error


def test_offsets_are_those_of_the_decompressed_file() -> None:
    data = DATA + b"1,2\n"
    (reject,) = outcome(gzip.compress(data)).rejects
    assert data[reject.byte_offset :][: reject.byte_length] == b"1,2"
