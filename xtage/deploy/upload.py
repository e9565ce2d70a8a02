"""Puts artifacts into the artifact bucket, each once."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xtage.deploy.package import Artifact

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


@dataclass(frozen=True)
class Upload:
    """One artifact on its way: the `number`-th of `count`. `size` bytes in all; None while it is being made."""

    key: str
    number: int
    count: int
    size: int | None = None
    sent: int = 0
    is_there: bool = False


OnUpload = Callable[[Upload], None]
"""Hears of each artifact before it is made and before it is sent, of each part that was sent, and when it is there."""


def upload(
    s3: S3Client, bucket: str, artifacts: Iterable[Artifact], on_upload: OnUpload = lambda upload: None
) -> list[str]:
    """Uploads what the bucket does not have yet; returns the keys of what it uploaded."""
    missing = [artifact for artifact in artifacts if not _exists(s3, bucket, artifact.key)]
    for number, artifact in enumerate(missing, start=1):
        _upload(s3, bucket, artifact, Upload(artifact.key, number, len(missing)), on_upload)
    return [artifact.key for artifact in missing]


def _upload(s3: S3Client, bucket: str, artifact: Artifact, begun: Upload, on_upload: OnUpload) -> None:
    on_upload(begun)
    body = artifact.read()
    made, parts = replace(begun, size=len(body)), []

    def tell(part: int) -> None:
        parts.append(part)
        on_upload(replace(made, sent=sum(parts)))

    on_upload(made)
    # Large ones in parts, several at once.
    s3.upload_fileobj(io.BytesIO(body), bucket, artifact.key, Callback=tell)
    on_upload(replace(made, sent=len(body), is_there=True))


def empty(s3: S3Client, bucket: str) -> None:
    """Deletes every version of every object of a bucket."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        versions: list[ObjectIdentifierTypeDef] = [
            {"Key": version["Key"], "VersionId": version["VersionId"]} for version in found
        ]
        if versions:
            s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})


def url(s3: S3Client, bucket: str, key: str) -> str:
    """Where CloudFormation finds an object: on the endpoint that the client itself talks to."""
    return f"{s3.meta.endpoint_url}/{bucket}/{key}"


def _exists(s3: S3Client, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return True
