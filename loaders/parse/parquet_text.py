"""The values of a Parquet column as text, each type in one notation, exactly.

Text as it is; `true` and `false`; whole numbers as digits; decimals with the digits of their scale, never with an
exponent; binary floating point in the fewest digits that mean the same number (`0.1`, `12`, `1e+22`, `NaN`,
`Infinity`); dates `YYYY-MM-DD`; times `HH:MM:SS`, timestamps `YYYY-MM-DD HH:MM:SS`, both with a fraction of a second
only where it is not zero, and with `Z` at the end where the file says that they are UTC.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.string()
WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
OUT_OF_RANGE = "<value out of range"
"""How Arrow begins the text of a time that no calendar has."""

READABLE = (
    pa.types.is_null,
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_timestamp,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
)


def is_readable(kind: pa.DataType) -> bool:
    """Whether values of this type have a text of their own: all flat types but durations and fixed-size bytes."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(is_kind(kind) for is_kind in READABLE)


def as_text(column: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """The column's texts, and which of them are not what the file holds (null: none), for they cannot be text."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_floating(kind):
        return _rewritten(column.cast(TEXT), "[en]", _float), None
    if pa.types.is_decimal(kind):
        return _rewritten(column.cast(TEXT), "E", lambda text: format(Decimal(text), "f")), None
    if pa.types.is_temporal(kind):
        texts = _time(column)
        return texts, pc.starts_with(texts, OUT_OF_RANGE)
    if pa.types.is_null(kind) or pa.types.is_boolean(kind) or pa.types.is_integer(kind):
        return column.cast(TEXT), None
    return _decoded(column)


def _decoded(column: pa.Array) -> tuple[pa.Array, pa.Array | None]:
    """Text and bytes as UTF-8. Nothing has checked yet that text is UTF-8; by way of bytes the cast does."""
    data = column.cast(pa.large_binary()).cast(pa.binary())
    try:
        return data.cast(TEXT), None
    except pa.ArrowInvalid:
        values = data.to_pylist()
        texts = [None if value is None else value.decode("utf-8", "replace") for value in values]
        wrong = [text is not None and text.encode() != value for text, value in zip(texts, values, strict=True)]
        return pa.array(texts, TEXT), pa.array(wrong)


def _float(text: str) -> str:
    return WORDS.get(text) or repr(float(text)).removesuffix(".0")


def _time(column: pa.Array) -> pa.Array:
    kind = column.type
    if pa.types.is_date(kind):
        return column.cast(TEXT)
    # Without its zone a timestamp is the moment in UTC.
    texts = column.cast(pa.timestamp(kind.unit) if pa.types.is_timestamp(kind) else kind).cast(TEXT)
    if kind.unit != "s":
        texts = pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), ".")
    zoned = pa.types.is_timestamp(kind) and kind.tz is not None
    return pc.binary_join_element_wise(texts, "Z", "") if zoned else texts


def _rewritten(texts: pa.Array, pattern: str, rewrite: Callable[[str], str]) -> pa.Array:
    """The texts, those that match the pattern written anew."""
    found = pc.fill_null(pc.match_substring_regex(texts, pattern), False)
    if not pc.any(found).as_py():
        return texts
    pairs = zip(texts.to_pylist(), found.to_pylist(), strict=True)
    return pa.array([rewrite(text) if matches else text for text, matches in pairs], TEXT)
