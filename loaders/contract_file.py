"""Reads contract files (Open Data Contract Standard 3.2) into `Contract` values and says what is wrong in which file.

Standard fields carry what they can; `customProperties` carry the rest, and only those named here are accepted, so that
a misspelt one is an error and never a silent default.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

import msgspec
import yaml

from loaders.contract import MAX_BYTES, Column, Contract, Freshness, LogicalType, Tolerated, normalized
from loaders.contract_document import (
    CustomProperty,
    Document,
    SchemaObject,
    SchemaProperty,
    ServiceLevelAgreementProperty,
    document_of,
)
from loaders.contract_quality import MistakeError, rules_of, tolerated_in
from loaders.errors import ContractError

SUFFIX = ".odcs.yaml"
YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: it reads the contracts ten times faster."""
DEFAULT_EMPTY_WORDS = ("", "null", "n/a", "unknown")
DATE_TOKENS = re.compile(r"YYYY|MM|DD")
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
PHYSICAL_TYPE = re.compile(r"(text|integer|bigint|date|numeric\(\d{1,2},\d{1,2}\))")
DEFAULT_PHYSICAL_TYPES = {"string": "text", "integer": "bigint", "number": "numeric(38,10)", "date": "date"}
CONTRACT_PROPERTIES = {
    "delivery": str,
    "onRewrite": str,
    "filePatterns": list,
    "allowEmpty": bool,
    "emptyWords": list,
    "encoding": str,
    "delimiter": str,
    "header": bool,
    "jsonPath": str,
}
COLUMN_PROPERTIES = {
    "dateFormats": list,
    "emptyWords": list,
    "maxBytes": int,
    "letterCase": str,
    "notAfterDelivery": bool,
}


def read_directory(directory: Path) -> dict[str, Contract]:
    """Every contract of a directory by feed. Raises ContractError naming all mistakes of all files."""
    if not directory.is_dir():
        raise ContractError(f"there is no contracts directory {directory}", remedy="restore contracts/ of the project")
    contracts: dict[str, Contract] = {}
    problems: list[str] = []
    for path in sorted(directory.glob("*.yaml")):
        try:
            contract = read_file(path)
            contracts[contract.feed] = contract
        except ContractError as error:
            problems.append(str(error))
    if problems:
        raise ContractError(" | ".join(problems))
    if not contracts:
        raise ContractError(f"no <feed>{SUFFIX} in {directory}", remedy="add the contract of a feed")
    return contracts


def read_file(path: Path) -> Contract:
    """The contract in one file. Raises ContractError naming the file and what is wrong in it."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=YamlLoader)
        if not isinstance(document, dict):
            raise MistakeError("holds no YAML mapping")
        return _contract(document_of(document), path)
    except yaml.YAMLError as error:
        raise ContractError(f"{path.name}: is not valid YAML: {error}") from error
    except (MistakeError, msgspec.ValidationError, ValueError) as error:
        # ValueError: no UTF-8, or a value that YAML cannot make, as a date of no calendar.
        raise ContractError(f"{path.name}: {error}") from error


def _contract(document: Document, path: Path) -> Contract:
    table = _table(document, path)
    custom = _custom(document.custom_properties, CONTRACT_PROPERTIES, "customProperties")
    empty_words = _words(custom.get("emptyWords", DEFAULT_EMPTY_WORDS))
    usual = tolerated_in(table.quality, Tolerated(), "schema")
    columns = tuple(_column(column, empty_words, usual) for column in table.properties or ())
    _refuse_repeated((column.name for column in columns), "column name")
    _refuse_repeated((normalized(column.source_name) for column in columns), "column name in the file")
    delivery, on_rewrite = custom.get("delivery"), custom.get("onRewrite", "add")
    _one_of(delivery, ("full", "delta"), "customProperties.delivery")
    _one_of(on_rewrite, ("add", "replace"), "customProperties.onRewrite")
    return Contract(
        feed=str(table.name),
        version=_required(document.version, "version"),
        description=_one_line(_required(table.description, "schema.description")),
        owner=_owner(document),
        key=_key(table.properties or ()),
        columns=columns,
        delivery=cast(Literal["full", "delta"], delivery),
        on_rewrite=cast(Literal["add", "replace"], on_rewrite),
        file_patterns=_patterns(custom.get("filePatterns")),
        freshness=_freshness(document.sla_properties or ()),
        allow_empty=bool(custom.get("allowEmpty", False)),
        encoding=_encoding(custom.get("encoding")),
        delimiter=_delimiter(custom.get("delimiter")),
        header=bool(custom.get("header", True)),
        json_path=cast("str | None", custom.get("jsonPath")),
    )


def _table(document: Document, path: Path) -> SchemaObject:
    if document.kind != "DataContract":
        raise MistakeError("kind must be DataContract")
    if not str(document.api_version).startswith("v3."):
        raise MistakeError(f"apiVersion must be v3.x, not {document.api_version}")
    tables = document.schema or []
    if len(tables) != 1:
        raise MistakeError(f"schema must hold exactly one table, not {len(tables)}")
    expected = path.name.removesuffix(SUFFIX)
    if tables[0].name != expected:
        raise MistakeError(f"schema[0].name is {tables[0].name!r}; in this file it must be {expected!r}")
    if not NAME.fullmatch(expected):
        raise MistakeError(f"the feed name {expected!r} must be snake_case")
    return tables[0]


def _column(column: SchemaProperty, empty_words: tuple[str, ...], usual: Tolerated) -> Column:
    name = _required(column.name, "schema.properties.name")
    if not NAME.fullmatch(name):
        raise MistakeError(
            f"column name {name!r} must be snake_case, begin with a letter and have at most 63 characters"
        )
    custom = _custom(column.custom_properties, COLUMN_PROPERTIES, f"{name}.customProperties")
    _one_of(column.logical_type, get_args(LogicalType), f"{name}.logicalType")
    logical_type = cast(LogicalType, column.logical_type)
    data_type = column.physical_type or DEFAULT_PHYSICAL_TYPES[logical_type]
    if not PHYSICAL_TYPE.fullmatch(data_type):
        raise MistakeError(f"{name}.physicalType {data_type!r} must be text, integer, bigint, date or numeric(p,s)")
    _one_of(custom.get("letterCase"), ("upper", "lower", None), f"{name}.letterCase")
    max_bytes = custom.get("maxBytes", MAX_BYTES)
    if not 0 < max_bytes <= MAX_BYTES:
        raise MistakeError(f"{name}.maxBytes is {max_bytes}; it must be from 1 to {MAX_BYTES} (Redshift's limit)")
    return Column(
        name=name,
        source_name=column.physical_name or name,
        type=logical_type,
        data_type=data_type,
        description=_one_line(_required(column.description, f"{name}.description")),
        required=bool(column.required or column.primary_key),
        max_bytes=max_bytes,
        date_formats=_date_formats(name, logical_type, custom.get("dateFormats")),
        empty_words=_words(custom.get("emptyWords", empty_words)),
        letter_case=cast(Literal["upper", "lower"] | None, custom.get("letterCase")),
        rules=tuple(rules_of(name, column, bool(custom.get("notAfterDelivery", False)))),
        tolerated=tolerated_in(column.quality, usual, name),
    )


def _key(columns: Iterable[SchemaProperty]) -> tuple[str, ...]:
    key = [column for column in columns if column.primary_key]
    positions = [column.primary_key_position or 1 for column in key]
    if not key:
        raise MistakeError("no column has primaryKey: true; a feed needs a record key")
    if sorted(positions) != list(range(1, len(key) + 1)):
        raise MistakeError(f"primaryKeyPosition must count 1, 2, ... over the key columns, not {positions}")
    return tuple(str(column.name) for _, column in sorted(zip(positions, key, strict=True), key=lambda pair: pair[0]))


def _freshness(properties: Iterable[ServiceLevelAgreementProperty]) -> Freshness:
    for sla in properties:
        if sla.property == "freshness":
            hours = {"h": 1, "d": 24}.get(str(sla.unit))
            if hours is None or type(sla.value) is not int or type(sla.value_ext) is not int:
                raise MistakeError("slaProperties.freshness needs value (late), valueExt (failed) and unit h or d")
            return Freshness(sla.value * hours, sla.value_ext * hours)
    raise MistakeError("slaProperties has no `freshness`")


def _date_formats(name: str, logical_type: str, formats: list[Any] | None) -> tuple[str, ...]:
    if (logical_type == "date") != bool(formats):
        raise MistakeError(f"{name}.dateFormats must be given for a date, and only for a date")
    for date_format in formats or ():
        if sorted(DATE_TOKENS.findall(str(date_format))) != ["DD", "MM", "YYYY"]:
            raise MistakeError(f"{name}.dateFormats: {date_format!r} must hold YYYY, MM and DD once each")
    return tuple(str(date_format) for date_format in formats or ())


def _patterns(patterns: list[Any] | None) -> tuple[str, ...]:
    if not patterns or any(not isinstance(pattern, str) or "/" in pattern or not pattern for pattern in patterns):
        raise MistakeError("customProperties.filePatterns must list patterns of file names (no path)")
    return tuple(patterns)


def _encoding(encoding: str | None) -> str | None:
    if encoding is not None:
        try:
            "".encode(encoding)
            codecs.getincrementaldecoder(encoding)("backslashreplace").decode(b"", final=True)
        except (LookupError, ValueError) as error:
            raise MistakeError(f"customProperties.encoding: {error}") from error
    return encoding


def _delimiter(delimiter: str | None) -> str | None:
    _one_of(delimiter, (",", ";", "\t", "|", None), "customProperties.delimiter")
    return delimiter


def _custom(properties: list[CustomProperty] | None, known: Mapping[str, type], place: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for custom in properties or ():
        name = str(custom.property)
        if name not in known:
            raise MistakeError(f"{place}: {name!r} is not one of {', '.join(known)}")
        if name in found:
            raise MistakeError(f"{place}: {name} is given twice")
        if type(custom.value) is not known[name]:
            raise MistakeError(f"{place}: {name} must be a {known[name].__name__}, not {custom.value!r}")
        found[name] = custom.value
    return found


def _owner(document: Document) -> str:
    return _required(document.team.name if document.team else None, "team.name")


def _words(words: Iterable[Any]) -> tuple[str, ...]:
    return tuple(str(word).strip().lower() for word in words)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _required(value: str | None, place: str) -> str:
    if not value or not value.strip():
        raise MistakeError(f"{place} is missing")
    return value


def _one_of(value: object, allowed: Iterable[object], place: str) -> None:
    if value not in tuple(allowed):
        raise MistakeError(f"{place} is {value!r}; it must be one of {', '.join(str(one) for one in allowed)}")


def _refuse_repeated(names: Iterable[str], what: str) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise MistakeError(f"{what} {name!r} is given twice")
        seen.add(name)
