"""Reads contract files (Open Data Contract Standard 3.2) into `Contract` values and says what is wrong in which file.

Standard fields carry what they can; `customProperties` carry the rest, and only those named here are accepted, so that
a misspelt one is an error and never a silent default.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import yaml

from loaders.contract import NAME_CHARACTERS, Contract, Freshness, Tolerated
from loaders.contract_checks import NAME, custom_of, one_line, refuse_repeated, require_one_of, required, words
from loaders.contract_document import (
    Document,
    SchemaObject,
    SchemaProperty,
    ServiceLevelAgreementProperty,
    document_of,
)
from loaders.contract_nested import Defaults, table_of
from loaders.contract_quality import MistakeError, tolerated_in
from loaders.errors import ContractError
from loaders.tables import raw_tables

SUFFIX = ".odcs.yaml"
YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where PyYAML was built with it: it reads the contracts ten times faster."""
DEFAULT_EMPTY_WORDS = ("", "null", "n/a", "unknown")
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


def read_directory(directory: Path) -> dict[str, Contract]:
    """Every contract of a directory by feed. Raises ContractError naming all mistakes of all files."""
    if not directory.is_dir():
        raise ContractError(f"there is no contracts directory {directory}", remedy="restore contracts/ of the project")
    contracts: dict[str, Contract] = {}
    problems: list[str] = []
    feeds: dict[str, str] = {}
    for path in sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml")):
        try:
            contract = read_file(path)
            contracts[contract.feed] = contract
        except ContractError as error:
            problems.append(str(error))
            continue
        for table in raw_tables(contract):
            if table.name in feeds:
                problems.append(f"{path.name}: table name {table.name!r} is that of a table of {feeds[table.name]} too")
            feeds[table.name] = contract.feed
    if problems:
        raise ContractError(" | ".join(problems))
    if not contracts:
        raise ContractError(f"no <feed>{SUFFIX} in {directory}", remedy="add the contract of a feed")
    return contracts


def read_file(path: Path) -> Contract:
    """The contract in one file. Raises ContractError naming the file and what is wrong in it."""
    try:
        if not path.name.endswith(SUFFIX):
            raise MistakeError(f"is not called <feed>{SUFFIX}")
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
    custom = custom_of(document.custom_properties, CONTRACT_PROPERTIES, "customProperties")
    defaults = Defaults(
        empty_words=words(custom.get("emptyWords", DEFAULT_EMPTY_WORDS)),
        usual=tolerated_in(table.quality, Tolerated(), "schema"),
    )
    found = table_of(table.properties or (), str(table.name), defaults)
    delivery, on_rewrite = custom.get("delivery"), custom.get("onRewrite", "add")
    require_one_of(delivery, ("full", "delta"), "customProperties.delivery")
    require_one_of(on_rewrite, ("add", "replace"), "customProperties.onRewrite")
    contract = Contract(
        feed=str(table.name),
        version=required(document.version, "version"),
        description=one_line(required(table.description, "schema.description")),
        owner=_owner(document),
        key=_key(table.properties or ()),
        columns=tuple(found.columns),
        delivery=cast(Literal["full", "delta"], delivery),
        on_rewrite=cast(Literal["add", "replace"], on_rewrite),
        file_patterns=_patterns(custom.get("filePatterns")),
        freshness=_freshness(document.sla_properties or ()),
        allow_empty=bool(custom.get("allowEmpty", False)),
        encoding=_encoding(custom.get("encoding")),
        delimiter=_delimiter(custom.get("delimiter")),
        header=bool(custom.get("header", True)),
        json_path=cast("str | None", custom.get("jsonPath")),
        arrays=tuple(found.arrays),
    )
    # An array's table has the key of its record and the places of the elements around beside the element's values.
    for made in raw_tables(contract):
        names = [column.name for column in made.columns]
        refuse_repeated(names, f"column name of {made.name}")
        if too_long := [name for name in names if len(name) > NAME_CHARACTERS]:
            raise MistakeError(f"column name of {made.name} {too_long[0]!r} has more than {NAME_CHARACTERS} characters")
    return contract


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


def _key(properties: Iterable[SchemaProperty]) -> tuple[str, ...]:
    key = list(_key_columns(properties))
    positions = [column.primary_key_position or 1 for _, column in key]
    if not key:
        raise MistakeError("no column has primaryKey: true; a feed needs a record key")
    if sorted(positions) != list(range(1, len(key) + 1)):
        raise MistakeError(f"primaryKeyPosition must count 1, 2, ... over the key columns, not {positions}")
    return tuple(name for _, (name, _) in sorted(zip(positions, key, strict=True), key=lambda pair: pair[0]))


def _key_columns(properties: Iterable[SchemaProperty], prefix: str = "") -> Iterator[tuple[str, SchemaProperty]]:
    """The columns of the key, those inside objects too, each with its name in the table."""
    for column in properties:
        if column.primary_key:
            yield f"{prefix}{column.name}", column
        yield from _key_columns(column.properties or (), f"{prefix}{column.name}_")


def _freshness(properties: Iterable[ServiceLevelAgreementProperty]) -> Freshness:
    for sla in properties:
        if sla.property == "freshness":
            hours = {"h": 1, "d": 24}.get(str(sla.unit))
            if hours is None or type(sla.value) is not int or type(sla.value_ext) is not int:
                raise MistakeError("slaProperties.freshness needs value (late), valueExt (failed) and unit h or d")
            return Freshness(sla.value * hours, sla.value_ext * hours)
    raise MistakeError("slaProperties has no `freshness`")


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
    require_one_of(delimiter, (",", ";", "\t", "|", None), "customProperties.delimiter")
    return delimiter


def _owner(document: Document) -> str:
    return required(document.team.name if document.team else None, "team.name")
