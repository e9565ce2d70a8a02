"""API keys: what a key looks like, what it may do, and where its hash leads.

A key is 32 random bytes, so its SHA-256 tells nothing of it and needs no salt. The hash is what the table of keys and
API Gateway's usage plan know it by; the key itself is shown once and stored nowhere.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PREFIX = "xtage_"
"""So that scanners for leaked secrets, and people, see what it is."""


class Scope(StrEnum):
    """`read`: the marts. `ingest`: files in, and what became of files. `operate`: what became of files, and fetches
    from other systems. `personal`: beside one of the others, names, ages, genders and the text of records."""

    READ = "read"
    INGEST = "ingest"
    OPERATE = "operate"
    PERSONAL = "personal"


@dataclass(frozen=True)
class Key:
    """What is known of a key. `key_id` is its id in API Gateway; `created_at` is ISO 8601, UTC."""

    key_id: str
    key_hash: str
    name: str
    scopes: tuple[str, ...]
    created_at: str


def new_secret() -> str:
    """A key that nobody has."""
    return PREFIX + secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """What a key is known by: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find_key(dynamodb: DynamoDBClient, table: str, key_hash: str) -> Key | None:
    """The key of this hash, None when there is none, or it was revoked."""
    found = dynamodb.get_item(TableName=table, Key={"key_hash": {"S": key_hash}}, ConsistentRead=True)
    return _key(found["Item"]) if "Item" in found else None


def list_keys(dynamodb: DynamoDBClient, table: str) -> list[Key]:
    """Every key, the oldest first."""
    pages = dynamodb.get_paginator("scan").paginate(TableName=table)
    return sorted((_key(item) for page in pages for item in page["Items"]), key=lambda key: key.created_at)


def store_key(dynamodb: DynamoDBClient, table: str, key: Key) -> None:
    """From now on the key is let in."""
    dynamodb.put_item(
        TableName=table,
        Item={
            "key_hash": {"S": key.key_hash},
            "key_id": {"S": key.key_id},
            "name": {"S": key.name},
            "scopes": {"SS": list(key.scopes)},
            "created_at": {"S": key.created_at},
        },
    )


def remove_key(dynamodb: DynamoDBClient, table: str, key_hash: str) -> None:
    """The key is not let in any more; nothing happens when it was not."""
    dynamodb.delete_item(TableName=table, Key={"key_hash": {"S": key_hash}})


def _key(item: Mapping[str, Any]) -> Key:
    return Key(
        key_id=item["key_id"]["S"],
        key_hash=item["key_hash"]["S"],
        name=item["name"]["S"],
        scopes=tuple(sorted(item["scopes"]["SS"])),
        created_at=item["created_at"]["S"],
    )
