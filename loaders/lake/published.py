"""What the lake holds: for each mart its partitions, and the files that were replaced and are still to be removed.

One JSON document per mart, `lake/_published/<mart>.json`, written after the catalog was switched. Where it is behind
the catalog, because a switch was killed in between, partitions are published once more; nothing is lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
from botocore.exceptions import ClientError

from loaders.database import classified
from loaders.storage import remove_under

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LAKE = "lake/"
KEPT = timedelta(days=1)
"""How long replaced files stay: a query that began before the switch reads them to its end."""


class Partition(msgspec.Struct, frozen=True):
    """One partition: `fingerprint` of its rows, and the prefix its files have."""

    fingerprint: str
    rows: int
    prefix: str


class Replaced(msgspec.Struct, frozen=True):
    """Files that no partition has any more, since when (UTC)."""

    prefix: str
    since: datetime


class Published(msgspec.Struct, frozen=True):
    """What is published of one mart, by partition value."""

    partitions: dict[str, Partition] = {}
    replaced: list[Replaced] = []


def read_published(s3: S3Client, bucket: str, mart: str) -> Published:
    """What is published of a mart; nothing where it never was."""
    with classified(f"s3://{bucket}/{LAKE}"):
        try:
            body = s3.get_object(Bucket=bucket, Key=_key(mart))["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return Published()
            raise
    return msgspec.json.decode(body, type=Published)


def write_published(s3: S3Client, bucket: str, mart: str, published: Published) -> None:
    """Writes it down."""
    with classified(f"s3://{bucket}/{LAKE}"):
        s3.put_object(Bucket=bucket, Key=_key(mart), Body=msgspec.json.encode(published))


def remove_replaced(s3: S3Client, bucket: str, mart: str, now: datetime) -> list[str]:
    """Deletes the files that were replaced a day ago or earlier; returns their prefixes."""
    published = read_published(s3, bucket, mart)
    due = [one for one in published.replaced if one.since <= now - KEPT]
    for one in due:
        remove_under(s3, bucket, one.prefix)
    if due:
        kept = [one for one in published.replaced if one not in due]
        write_published(s3, bucket, mart, Published(published.partitions, kept))
    return [one.prefix for one in due]


def _key(mart: str) -> str:
    return f"{LAKE}_published/{mart}.json"
