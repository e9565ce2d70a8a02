"""What a file is, told by what it holds; its name only says what it should be."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from loaders.errors import DataError, excerpt

Format = Literal["csv", "json", "parquet"]
SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}
COMPRESSION_SUFFIXES = (".gz", ".gzip", ".bz2", ".zip")

PARQUET = b"PAR1"
SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip inside the compressed file"),
    (b"BZh", "bzip2 inside the compressed file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"SQLite format 3", "a SQLite database"),
)
MARKUP = re.compile(rb"\s*<(?:!doctype|\?xml|html|head|body|[a-z][\w:.-]*[\s>/])", re.IGNORECASE)
JSON_START = re.compile(rb'\s*(?:\{\s*["}]|\[\s*(?:[\[{"\]\d-]|(?:null|true|false)\b))')
JSON_SCALARS = b'"-0123456789tfnNI'


def is_parquet(head: bytes, name: str) -> bool:
    """Whether the file that begins with `head` is Parquet. Raises DataError where it is not what its name says."""
    found, promised = head.startswith(PARQUET), promised_format(name)
    if found and promised in ("csv", "json"):
        raise DataError(
            f"the file is a Parquet file although its name says {promised.upper()}", remedy="name it .parquet"
        )
    if promised == "parquet" and not found:
        raise DataError("the file is named as Parquet and is none", remedy="deliver the Parquet file, complete")
    return found


def recognized(head: bytes, name: str) -> Literal["csv", "json"]:
    """The format of the text that begins with `head` (UTF-8). Raises DataError where it is not what its name says."""
    _refuse_foreign(head)
    promised = promised_format(name)
    is_json = JSON_START.match(head) is not None
    if promised == "csv" and is_json:
        raise DataError(
            "the file holds JSON although its name says CSV", remedy="name it .json, or deliver the CSV file"
        )
    if promised == "json" and not is_json and not _may_be_json(head):
        raise DataError(
            f"the file is named as JSON but begins with {excerpt(head[:40].decode('utf-8', 'replace'))}",
            remedy="deliver JSON objects; if it is CSV, name it .csv",
        )
    return "json" if promised == "json" or is_json else "csv"


def promised_format(name: str) -> Format | None:
    """What the name says the file is."""
    bare = _without_compression(name)
    return next((promised for ending, promised in SUFFIXES.items() if bare.endswith(ending)), None)


def promises_lines(name: str) -> bool:
    """Whether the name says that each line is a record."""
    return _without_compression(name).endswith((".jsonl", ".ndjson"))


def _without_compression(name: str) -> str:
    lowered = name.lower()
    for ending in COMPRESSION_SUFFIXES:
        lowered = lowered.removesuffix(ending)
    return lowered


def _refuse_foreign(head: bytes) -> None:
    kind = next((kind for signature, kind in SIGNATURES if head.startswith(signature)), None)
    if kind is None and MARKUP.match(head):
        kind = "an HTML or XML document"
    if kind:
        raise DataError(f"the file is {kind}, neither CSV, JSON nor Parquet", remedy="export the records as CSV")
    if head[:64].count(0) * 3 > len(head[:64]):
        raise DataError(
            "the file looks like UTF-16 without a byte order mark", remedy="name the encoding in the contract"
        )


def _may_be_json(head: bytes) -> bool:
    """Whether JSON Lines or an array may begin so, though not with an object."""
    text = head.lstrip()
    if not text or text[:1] in (b"{", b"["):
        return True
    if text[:1] not in JSON_SCALARS:
        return False
    try:
        msgspec.json.decode(text.splitlines()[0])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
