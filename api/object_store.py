"""The raw bucket as the API uses it: files in, each once, into a folder of its own within its feed."""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from api.problems import FieldError, Problem, unavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOST_BYTES = 5 * 2**30
"""What S3 takes in one POST."""

UPLOAD_SECONDS = 900
CONTENT_SHA256, KEY_ID = "content-sha256", "api-key-id"
"""User metadata of an object that came through the API."""


@dataclass(frozen=True)
class Stored:
    """An object version. `is_new` is false when an earlier request with the same idempotency key put it there."""

    object_key: str
    version_id: str
    is_new: bool


@dataclass(frozen=True)
class Upload:
    """A form to send a file with: a POST to `url`, with `fields` before the file."""

    object_key: str
    url: str
    fields: dict[str, str]


class _Worker:
    """What a warm function keeps from one request to the next."""

    s3: S3Client | None = None


def put_once(feed: str, body: bytes, content_type: str, key_id: str, idempotency_key: str | None) -> Stored:
    """Puts a file under its idempotency key, or under a name of its own without one.

    Raises Problem: 422 when the idempotency key came with another body before, 409 when it is being used at this
    moment, 503 when S3 cannot be reached.
    """
    object_key = _object_key(feed, idempotency_key)
    digest = hashlib.sha256(body).hexdigest()
    metadata = {CONTENT_SHA256: digest, KEY_ID: key_id}
    client = _s3()
    try:
        put = client.put_object(
            Bucket=_bucket(), Key=object_key, Body=body, ContentType=content_type, Metadata=metadata, IfNoneMatch="*"
        )
    except _errors() as error:
        status = _status(error)
        if status == HTTPStatus.CONFLICT:
            detail = "a request with the same Idempotency-Key is under way; repeat this one in a second"
            raise Problem(HTTPStatus.CONFLICT, detail).with_header("Retry-After", "1") from error
        if status != HTTPStatus.PRECONDITION_FAILED:
            raise unavailable("the file could not be stored; try again", 5) from error
        return _stored_before(object_key, digest)
    return Stored(object_key, put["VersionId"], is_new=True)


def upload_form(feed: str) -> Upload:
    """A form that puts one file of up to 5 GiB into the feed, without any other credentials, for 15 minutes."""
    object_key = _object_key(feed, None)
    form = _s3().generate_presigned_post(
        _bucket(), object_key, Conditions=[["content-length-range", 1, MOST_BYTES]], ExpiresIn=UPLOAD_SECONDS
    )
    return Upload(object_key, form["url"], form["fields"])


def version_exists(object_key: str, version_id: str) -> bool:
    """Whether S3 holds this version. Raises Problem (503) when it cannot be asked."""
    try:
        _s3().head_object(Bucket=_bucket(), Key=object_key, VersionId=version_id)
    except _errors() as error:
        # Without the right to list, S3 answers 403 for what is not there; 400 is a version id that cannot be.
        if _status(error) in (400, 403, 404, 405):
            return False
        raise unavailable("the bucket could not be asked; try again", 5) from error
    return True


def _stored_before(object_key: str, digest: str) -> Stored:
    try:
        head = _s3().head_object(Bucket=_bucket(), Key=object_key)
    except _errors() as error:
        raise unavailable("the file could not be stored; try again", 5) from error
    if head["Metadata"].get(CONTENT_SHA256) != digest:
        reason = "was used with another body; take a new key for a new file"
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"Idempotency-Key: {reason}", [FieldError("Idempotency-Key", reason)]
        )
    return Stored(object_key, head["VersionId"], is_new=False)


def _object_key(feed: str, name: str | None) -> str:
    return f"raw/{feed}/api/{name or uuid.uuid4()}"


def _bucket() -> str:
    return os.environ["RAW_BUCKET"]


def _s3() -> S3Client:
    if _Worker.s3 is None:
        import boto3
        from botocore.config import Config

        # Version 4: forms signed otherwise are refused in newer regions.
        config = Config(signature_version="s3v4", connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 2})
        _Worker.s3 = boto3.client("s3", config=config)
    return _Worker.s3


def _errors() -> tuple[type[Exception], ...]:
    from botocore.exceptions import BotoCoreError, ClientError

    return ClientError, BotoCoreError


def _status(error: Exception) -> int:
    answer: dict[str, Any] = getattr(error, "response", {})
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
