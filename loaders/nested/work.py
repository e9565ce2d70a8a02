"""Where the intermediate files of one attempt at a nested file lie: below `work/`, under a name of its own.

Two attempts never meet, so what one of them left cannot be mistaken for the other's. The bucket's lifecycle removes
what a killed attempt leaves.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import IO, TYPE_CHECKING

import msgspec

from loaders.database import classified
from loaders.errors import TransientError
from loaders.parse import Summary
from loaders.storage import keys_under, remove_under

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "work/nested/"
MANIFEST = "manifest.json"


class Manifest(msgspec.Struct, frozen=True):
    """What the split found; written last, so that where it is everything is. `elements` is by array table.

    `replay_requested_at` is that of the delivery, so that what was split for one replay does not land for another.
    """

    feed: str
    contract_version: str
    content_sha256: str
    parts: int
    records_read: int
    records_loaded: int
    records_rejected: int
    blank_lines: int
    elements: dict[str, int]
    replay_requested_at: datetime | None = None

    @property
    def counts(self) -> Summary:
        """The counts as a load has them."""
        return Summary(self.records_read, self.records_loaded, self.records_rejected, self.blank_lines)


@dataclass(frozen=True)
class Work:
    """One attempt's place in the bucket. Its functions raise TransientError when S3 does not answer."""

    s3: S3Client
    bucket: str
    prefix: str

    @classmethod
    def begin(cls, s3: S3Client, bucket: str, delivery_id: int) -> Work:
        """A place that nothing has been written to."""
        return cls(s3, bucket, f"{PREFIX}{delivery_id}/{uuid.uuid4().hex}/")

    @property
    def location(self) -> str:
        """The place as Spark reads it."""
        return f"s3://{self.bucket}/{self.prefix}"

    def write(self, name: str, body: bytes) -> None:
        """Writes one object."""
        with classified(self.location):
            self.s3.put_object(Bucket=self.bucket, Key=f"{self.prefix}{name}", Body=body)

    def names(self, directory: str) -> list[str]:
        """The names of the objects in a directory, in their order."""
        keys = keys_under(self.s3, self.bucket, f"{self.prefix}{directory}")
        return [key.removeprefix(self.prefix) for key in keys]

    def read(self, name: str) -> bytes:
        """The bytes of a small object."""
        with classified(self.location):
            return self.s3.get_object(Bucket=self.bucket, Key=f"{self.prefix}{name}")["Body"].read()

    def download(self, name: str, file: IO[bytes]) -> None:
        """The bytes of an object into a file."""
        with classified(self.location):
            body = self.s3.get_object(Bucket=self.bucket, Key=f"{self.prefix}{name}")["Body"]
            for piece in body.iter_chunks(1 << 20):
                file.write(piece)
        file.flush()

    def manifest(self) -> Manifest:
        """What the split found. Raises TransientError where it is gone."""
        if MANIFEST not in self.names(MANIFEST):
            raise TransientError(f"{self.location} is gone", remedy="try again: the next run splits the file again")
        return msgspec.json.decode(self.read(MANIFEST), type=Manifest)

    def remove(self) -> None:
        """Deletes everything in the place."""
        remove_under(self.s3, self.bucket, self.prefix)
