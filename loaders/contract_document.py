"""A contract file as it is written: the part of the Open Data Contract Standard 3.2 that the pipeline reads, typed.

The standard's own package checks the project's contracts in the tests. It is not used here: its models take 0.1 s to
import, in every cold start of a Lambda. Names are the standard's, in snake_case.
"""

from __future__ import annotations

from typing import Any

import msgspec


class CustomProperty(msgspec.Struct, rename="camel"):
    property: str
    value: Any = None


class EnumValue(msgspec.Struct, rename="camel"):
    value: str | int | float


class Quality(msgspec.Struct, rename="camel"):
    name: str | None = None
    metric: str | None = None
    severity: str | None = None
    arguments: dict[str, Any] | None = None
    unit: str | None = None
    must_be_less_or_equal_to: int | float | None = None


class SchemaProperty(msgspec.Struct, rename="camel"):
    name: str | None = None
    physical_name: str | None = None
    logical_type: str | None = None
    physical_type: str | None = None
    description: str | None = None
    primary_key: bool | None = None
    primary_key_position: int | None = None
    required: bool | None = None
    logical_type_options: dict[str, Any] | None = None
    enum: list[EnumValue] | None = None
    quality: list[Quality] | None = None
    custom_properties: list[CustomProperty] | None = None
    properties: list[SchemaProperty] | None = None
    items: SchemaProperty | None = None


class SchemaObject(msgspec.Struct, rename="camel"):
    name: str | None = None
    description: str | None = None
    quality: list[Quality] | None = None
    properties: list[SchemaProperty] | None = None


class ServiceLevelAgreementProperty(msgspec.Struct, rename="camel"):
    property: str | None = None
    value: Any = None
    value_ext: Any = None
    unit: str | None = None


class Team(msgspec.Struct, rename="camel"):
    name: str | None = None


class Document(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The whole file. Fields of type `Any` are the standard's for people and other tools; other names are errors."""

    kind: str | None = None
    api_version: str | None = None
    version: str | None = None
    team: Team | None = None
    schema: list[SchemaObject] | None = None
    sla_properties: list[ServiceLevelAgreementProperty] | None = None
    custom_properties: list[CustomProperty] | None = None
    id: Any = None
    name: Any = None
    tenant: Any = None
    tags: Any = None
    status: Any = None
    servers: Any = None
    data_product: Any = None
    description: Any = None
    domain: Any = None
    support: Any = None
    price: Any = None
    roles: Any = None
    sla_default_element: Any = None
    authoritative_definitions: Any = None
    contract_created_ts: Any = None


def document_of(content: Any) -> Document:
    """What YAML gave for a contract file, checked. Raises msgspec.ValidationError, which names the place."""
    return msgspec.convert(content, Document)
