"""The raw bucket: what versions there are, when each was delivered, and its bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from io import RawIOBase
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from loaders.contract import RESERVED_PREFIXES, is_drop
from loaders.database import aws_error, classified
from loaders.errors import DataError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

DELETED_AT_ONCE = 1000
"""What S3 deletes in one call."""
DELIVERED_AT = "delivered-at"
"""User metadata of an object that says when it counts as delivered: ISO 8601, UTC when it names no zone."""


@dataclass(frozen=True)
class ObjectVersion:
    """One version of one object."""

    bucket: str
    object_key: str
    version_id: str


@dataclass(frozen=True)
class Drop:
    """What S3 says about a version. `delivered_at` is UTC without zone, `problem` why it cannot be loaded as it is."""

    version: ObjectVersion
    version_order: int
    etag: str
    bytes: int
    delivered_at: datetime
    problem: str | None = None


def s3_client() -> S3Client:
    """A client that gives up on a silent server after a minute."""
    # Imported here: loading from disk does without, and it is most of a start.
    import boto3
    from botocore.config import Config

    return boto3.client("s3", config=Config(read_timeout=60, connect_timeout=10, retries={"max_attempts": 4}))


def find_version(s3: S3Client, bucket: str, object_key: str, version_id: str | None) -> Drop | None:
    """What S3 says about a version (null: the newest one, for an event that names none); null when it is gone."""
    with classified(f"s3://{bucket}/{object_key}"):
        head, problem = _described(s3, bucket, object_key, version_id)
        if head is None:
            return None
        version = ObjectVersion(bucket, object_key, str(head.get("VersionId") or version_id or "null"))
        delivered_at, wrong = _delivered_at(head)
        return Drop(
            version=version,
            version_order=_version_order(s3, version, head["LastModified"]),
            etag=str(head["ETag"]).strip('"'),
            bytes=int(head["ContentLength"]),
            delivered_at=delivered_at,
            problem=problem or wrong,
        )


def list_versions(s3: S3Client, bucket: str) -> Iterator[list[ObjectVersion]]:
    """Every version of every drop in the bucket, page by page; the reserved prefixes are not even listed."""
    pages = s3.get_paginator("list_object_versions")
    with classified(f"s3://{bucket}"):
        prefixes: list[str] = []
        for page in pages.paginate(Bucket=bucket, Delimiter="/"):
            prefixes += [str(prefix["Prefix"]) for prefix in page.get("CommonPrefixes", [])]
            yield _versions(bucket, page)
        for prefix in prefixes:
            if not prefix.startswith(RESERVED_PREFIXES):
                for page in pages.paginate(Bucket=bucket, Prefix=prefix):
                    yield _versions(bucket, page)


def _versions(bucket: str, page: Any) -> list[ObjectVersion]:
    versions = page.get("Versions", [])
    return [ObjectVersion(bucket, one["Key"], one["VersionId"]) for one in versions if is_drop(one["Key"], one["Size"])]


def keys_under(s3: S3Client, bucket: str, prefix: str) -> list[str]:
    """The keys of the objects under a prefix, in their order."""
    pages = s3.get_paginator("list_objects_v2")
    with classified(f"s3://{bucket}/{prefix}"):
        return [one["Key"] for page in pages.paginate(Bucket=bucket, Prefix=prefix) for one in page.get("Contents", [])]


def remove_under(s3: S3Client, bucket: str, prefix: str) -> None:
    """Deletes the objects under a prefix."""
    keys = keys_under(s3, bucket, prefix)
    with classified(f"s3://{bucket}/{prefix}"):
        for start in range(0, len(keys), DELETED_AT_ONCE):
            objects: list[ObjectIdentifierTypeDef] = [{"Key": key} for key in keys[start : start + DELETED_AT_ONCE]]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})


def _described(
    s3: S3Client, bucket: str, object_key: str, version_id: str | None
) -> tuple[Mapping[str, Any] | None, str | None]:
    """What S3 says about a version, and why that is not all: what it refuses to describe is in its list still."""
    # Not by awswrangler, which takes a path for the object and removes `s3://` wherever it stands in it.
    try:
        if version_id is None:
            return s3.head_object(Bucket=bucket, Key=object_key), None
        return s3.head_object(Bucket=bucket, Key=object_key, VersionId=version_id), None
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # A malformed version id is answered with 400 as a key is that only the client has.
        if status not in (400, 403, 404, 405):
            raise
        listed = None if status in (404, 405) else _listed(s3, bucket, object_key, version_id)
        refusal = f"S3 refuses to describe the object ({status})"
        return listed, f"{refusal} -> drop it without a key of your own, or let the loader read it, then replay it"


def _listed(s3: S3Client, bucket: str, object_key: str, version_id: str | None) -> Mapping[str, Any] | None:
    """What S3's list of versions says about one, as a description would; null when it is not in there."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=object_key):
        for one in page.get("Versions", []):
            if one["Key"] == object_key and (one["IsLatest"] if version_id is None else one["VersionId"] == version_id):
                return {**one, "ContentLength": one["Size"]}
    return None


def _version_order(s3: S3Client, version: ObjectVersion, last_modified: datetime) -> int:
    """Where a version stands among those of its object key: a greater number is newer.

    Microseconds since 1970 when it was written, which S3 tells in whole seconds, so among those of one second its place
    in S3's list, which goes from the newest to the oldest. Versions of other seconds may be deleted, also by a
    lifecycle rule, without moving it.
    """
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=version.bucket, Prefix=version.object_key)
    newest_first: list[str] = []
    for page in pages:
        same_key = [one for one in page.get("Versions", []) if one["Key"] == version.object_key]
        newest_first += [one["VersionId"] for one in same_key if _second(one["LastModified"]) == _second(last_modified)]
        if not same_key and newest_first:
            break
    ids = newest_first[::-1]
    place = ids.index(version.version_id) if version.version_id in ids else len(ids)
    return int(_second(last_modified).timestamp()) * 1_000_000 + place


def _second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _delivered_at(head: Mapping[str, Any]) -> tuple[datetime, str | None]:
    last_modified = _second(head["LastModified"]).replace(tzinfo=None)
    stated = {name.lower(): value for name, value in head.get("Metadata", {}).items()}.get(DELIVERED_AT)
    if stated is None:
        return last_modified, None
    try:
        moment = datetime.fromisoformat(stated.strip())
        in_utc = moment.astimezone(UTC) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        problem = f"metadata {DELIVERED_AT} is {stated!r}, which is not an ISO 8601 time"
        return last_modified, f"{problem} -> drop the file again with one like 2024-05-31T06:00:00Z, or without it"
    return in_utc.replace(microsecond=0, tzinfo=None), None


class ObjectStream(RawIOBase):
    """The bytes of one version, read once from beginning to end, hashed on the way.

    awswrangler's own readers fetch ranges or whole files (its `s3.download` too); one streamed GET is ten times faster
    and takes no memory, so the object is read with boto3, pinned to its version. Reading raises TransientError when the
    connection breaks.
    """

    def __init__(self, s3: S3Client, version: ObjectVersion) -> None:
        super().__init__()
        self.version = version
        self.bytes_read = 0
        self._hash = hashlib.sha256()
        try:
            answer = s3.get_object(Bucket=version.bucket, Key=version.object_key, VersionId=version.version_id)
        except (ClientError, BotoCoreError) as error:
            raise _opening_failed(version, error) from error
        self._body = answer["Body"]

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, b"" at the end; all the rest when negative."""
        try:
            block: bytes = self._body.read(None if size is None or size < 0 else size)
        except _broken_stream() as error:
            raise TransientError(
                f"reading stopped after {self.bytes_read} bytes: {error}",
                object_key=self.version.object_key,
                remedy="try again",
            ) from error
        self._hash.update(block)
        self.bytes_read += len(block)
        return block

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer; returns how many bytes it got, 0 at the end."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def finish(self) -> str:
        """Reads what is left and returns the SHA-256 of the whole object, in hexadecimal."""
        while self.read(1 << 20):
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        if not self.closed:
            self._body.close()
        super().close()


def _broken_stream() -> tuple[type[Exception], ...]:
    # Imported when reading fails: botocore lets some errors of its HTTP library through.
    from urllib3.exceptions import HTTPError

    return HTTPError, HTTPClientError, BotoCoreError, OSError


def _opening_failed(version: ObjectVersion, error: ClientError | BotoCoreError) -> Exception:
    if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 404, 405):
        return DataError(
            f"version {version.version_id} is gone from bucket {version.bucket}",
            object_key=version.object_key,
            remedy="drop the file again",
        )
    return aws_error(f"s3://{version.bucket}/{version.object_key}", error)
