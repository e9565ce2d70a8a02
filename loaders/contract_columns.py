"""Reads one value of a contract, a property of the standard, into a `Column`."""

from __future__ import annotations

import re
from typing import Any, Literal, cast, get_args

from loaders.contract import MAX_BYTES, Column, LogicalType, Step, Tolerated
from loaders.contract_checks import NAME, custom_of, one_line, require_one_of, required, words
from loaders.contract_document import SchemaProperty
from loaders.contract_quality import MistakeError, rules_of, tolerated_in

DATE_TOKENS = re.compile(r"YYYY|MM|DD")
PHYSICAL_TYPE = re.compile(r"(text|integer|bigint|date|timestamp|numeric\(\d{1,2},\d{1,2}\))")
DEFAULT_PHYSICAL_TYPES = {
    "string": "text",
    "integer": "bigint",
    "number": "numeric(38,10)",
    "date": "date",
    "timestamp": "timestamp",
}
COLUMN_PROPERTIES = {
    "dateFormats": list,
    "emptyWords": list,
    "maxBytes": int,
    "letterCase": str,
    "notAfterDelivery": bool,
}


def column_of(
    value: SchemaProperty, empty_words: tuple[str, ...], usual: Tolerated, inside: tuple[Step, ...] = ()
) -> Column:
    """The column of a value that stands `inside` some objects. Raises MistakeError with the place."""
    own_name = step_of(value).name
    name = "_".join((*(step.name for step in inside), own_name))
    if not NAME.fullmatch(name):
        raise MistakeError(f"column name {name!r} has more than 63 characters")
    custom = custom_of(value.custom_properties, COLUMN_PROPERTIES, f"{name}.customProperties")
    require_one_of(value.logical_type, (*get_args(LogicalType), "object", "array"), f"{name}.logicalType")
    logical_type = cast(LogicalType, value.logical_type)
    data_type = value.physical_type or DEFAULT_PHYSICAL_TYPES[logical_type]
    if not PHYSICAL_TYPE.fullmatch(data_type):
        raise MistakeError(
            f"{name}.physicalType {data_type!r} must be text, integer, bigint, date, timestamp or numeric(p,s)"
        )
    require_one_of(custom.get("letterCase"), ("upper", "lower", None), f"{name}.letterCase")
    max_bytes = custom.get("maxBytes", MAX_BYTES)
    if not 0 < max_bytes <= MAX_BYTES:
        raise MistakeError(f"{name}.maxBytes is {max_bytes}; it must be from 1 to {MAX_BYTES} (Redshift's limit)")
    return Column(
        name=name,
        source_name=value.physical_name or own_name,
        type=logical_type,
        data_type=data_type,
        description=one_line(required(value.description, f"{name}.description")),
        required=bool(value.required or value.primary_key),
        max_bytes=max_bytes,
        date_formats=_date_formats(name, logical_type, custom.get("dateFormats")),
        empty_words=words(custom.get("emptyWords", empty_words)),
        letter_case=cast(Literal["upper", "lower"] | None, custom.get("letterCase")),
        rules=tuple(rules_of(name, value, bool(custom.get("notAfterDelivery", False)))),
        tolerated=tolerated_in(value.quality, usual, name),
        inside=inside,
    )


def step_of(value: SchemaProperty) -> Step:
    """What a property is called in the database and in the file. Raises MistakeError where that is no name."""
    name = required(value.name, "schema.properties.name")
    if not NAME.fullmatch(name):
        raise MistakeError(
            f"column name {name!r} must be snake_case, begin with a letter and have at most 63 characters"
        )
    return Step(name, value.physical_name or name)


def _date_formats(name: str, logical_type: str, formats: list[Any] | None) -> tuple[str, ...]:
    if (logical_type == "date") != bool(formats):
        raise MistakeError(f"{name}.dateFormats must be given for a date, and only for a date")
    for date_format in formats or ():
        if sorted(DATE_TOKENS.findall(str(date_format))) != ["DD", "MM", "YYYY"]:
            raise MistakeError(f"{name}.dateFormats: {date_format!r} must hold YYYY, MM and DD once each")
    return tuple(str(date_format) for date_format in formats or ())
