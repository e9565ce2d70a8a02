"""Puts artifacts into the artifact bucket, each once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from xtage.deploy.package import Artifact

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef


def upload(s3: S3Client, bucket: str, artifacts: Iterable[Artifact]) -> list[str]:
    """Uploads what the bucket does not have yet; returns the keys of what it uploaded."""
    missing = [artifact for artifact in artifacts if not _exists(s3, bucket, artifact.key)]
    for artifact in missing:
        s3.put_object(Bucket=bucket, Key=artifact.key, Body=artifact.read())
    return [artifact.key for artifact in missing]


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
