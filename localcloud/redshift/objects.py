"""The objects that COPY reads and UNLOAD writes, in the embedded S3."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from localcloud.aws.launcher import ACCESS_KEY, REGION, SECRET_KEY
from localcloud.redshift.transfer_options import Transfer
from localcloud.redshift.wire import ServerError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SPOOLED_BYTES = 32 << 20


@dataclass(frozen=True)
class Stored:
    """One object and its size in bytes."""

    bucket: str
    key: str
    size: int

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.key}"


class Objects:
    """S3 with the credentials of one COPY or UNLOAD."""

    def __init__(self, endpoint: str, transfer: Transfer) -> None:
        self._s3 = _client(endpoint, *(transfer.keys or _keys_of(endpoint, transfer.role, int(time.time() // 900))))
        self._transfer = transfer

    def sources(self) -> list[Stored]:
        """What a COPY reads: the objects of its manifest, or all whose keys begin with its prefix.

        Raises ServerError when there is none, or when the manifest is wrong.
        """
        if "manifest" in self._transfer.options:
            with _told(self._transfer.url):
                return list(self._listed())
        found = self.under(self._transfer.key)
        if not found:
            raise ServerError({"M": f"The specified S3 prefix '{self._transfer.key}' does not exist"})
        return found

    def under(self, prefix: str) -> list[Stored]:
        """Every object whose key begins so."""
        bucket = self._transfer.bucket
        with _told(self._transfer.url):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            return [Stored(bucket, one["Key"], one["Size"]) for page in pages for one in page.get("Contents", [])]

    @contextmanager
    def opened(self, stored: Stored) -> Iterator[IO[bytes]]:
        """The content of an object, as a file of its own."""
        with tempfile.SpooledTemporaryFile(SPOOLED_BYTES) as file:
            with _told(stored.url):
                self._s3.download_fileobj(stored.bucket, stored.key, file)
            file.seek(0)
            yield file

    def put(self, key: str, body: Any) -> None:
        with _told(f"s3://{self._transfer.bucket}/{key}"):
            self._s3.put_object(Bucket=self._transfer.bucket, Key=key, Body=body)

    def delete(self, found: list[Stored]) -> None:
        for one in found:
            with _told(one.url):
                self._s3.delete_object(Bucket=one.bucket, Key=one.key)

    def _listed(self) -> Iterator[Stored]:
        """https://docs.aws.amazon.com/redshift/latest/dg/loading-data-files-using-manifest.html"""
        answer = self._s3.get_object(Bucket=self._transfer.bucket, Key=self._transfer.key)
        try:
            entries = json.loads(answer["Body"].read())["entries"]
            wanted = [(str(entry["url"]), bool(entry.get("mandatory")), _length(entry)) for entry in entries]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ServerError({"M": f"Invalid manifest {self._transfer.url}: {error!r}"}) from error
        for url, mandatory, length in wanted:
            if self._transfer.form == "parquet" and length is None:
                message = f"Invalid manifest {self._transfer.url}: Parquet needs meta.content_length, {url} has none"
                raise ServerError({"M": message})
            stored = self._one(url, mandatory)
            if stored is None:
                continue
            if length is not None and length != stored.size:
                message = f"{url} has {stored.size} bytes, the manifest says {length}"
                raise ServerError({"M": message})
            yield stored

    def _one(self, url: str, mandatory: bool) -> Stored | None:
        bucket, _, key = url.removeprefix("s3://").partition("/")
        try:
            return Stored(bucket, key, self._s3.head_object(Bucket=bucket, Key=key)["ContentLength"])
        except ClientError as error:
            if mandatory or error.response.get("Error", {}).get("Code") not in ("404", "NoSuchKey"):
                raise ServerError({"M": f"Problem reading manifest file: mandatory url {url} not found"}) from error
            return None


# A client takes a third of a second to make, and threads may share it.
@lru_cache(maxsize=8)
def _client(endpoint: str, key: str, secret: str, token: str | None = None) -> S3Client:
    patience = Config(connect_timeout=5, retries={"total_max_attempts": 2})
    return boto3.Session(key, secret, token, region_name=REGION).client("s3", endpoint_url=endpoint, config=patience)


# Sessions last an hour; `quarter` is the quarter of an hour in which one is asked for.
@lru_cache(maxsize=8)
def _keys_of(endpoint: str, role: str | None, quarter: int) -> tuple[str, ...]:
    """Keys of a session of the role; without one, or for one that nobody has made, the embedded AWS's own."""
    own = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
    if role is None or not _is_made(own, endpoint, role):
        return ACCESS_KEY, SECRET_KEY
    with _told(role):
        sts = own.client("sts", endpoint_url=endpoint)
        keys = sts.assume_role(RoleArn=role, RoleSessionName="redshift")["Credentials"]
    return keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]


def _is_made(own: boto3.Session, endpoint: str, role: str) -> bool:
    try:
        found = own.client("iam", endpoint_url=endpoint).get_role(RoleName=role.rpartition("/")[2])
    except (ClientError, BotoCoreError):
        return False
    return bool(found["Role"]["Arn"] == role)


def _length(entry: Any) -> int | None:
    length = (entry.get("meta") or {}).get("content_length")
    return None if length is None else int(length)


@contextmanager
def _told(url: str) -> Iterator[None]:
    """S3's refusals as Redshift passes them on."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        message = f"S3ServiceException:{code.get('Message')},Status {status},Error {code.get('Code')},{url}"
        raise ServerError({"M": message}) from error
    except BotoCoreError as error:
        raise ServerError({"M": f"S3 cannot be reached: {error}"}) from error
