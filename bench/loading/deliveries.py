"""What the loader finds when it starts: one pending delivery, of a file on the disk or of an S3 object."""

from __future__ import annotations

from bench.loading.files import BenchFile
from bench.loading.server import BUCKET, FEED, Server


def register(server: Server, file: BenchFile, database: str, version_id: str = "null") -> None:
    """Enters the file into the ledger as the pipeline would: pending, not read yet."""
    server.execute(
        "insert into ops.deliveries (feed, bucket, object_key, version_id, etag, delivered_at, bytes) values "
        f"('{FEED}', '{BUCKET}', '{_object_key(file)}', '{version_id}', 'not read yet', now(), "
        f"{file.path.stat().st_size})",
        database=database,
    )


def drop(server: Server, file: BenchFile, database: str) -> None:
    """Puts the file into the bucket, unless it is there, and registers that version."""
    s3, key = server.aws.client("s3"), _object_key(file)
    if not s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("KeyCount"):
        s3.upload_file(str(file.path), BUCKET, key)
    register(server, file, database, s3.head_object(Bucket=BUCKET, Key=key)["VersionId"])


def pending(server: Server, database: str) -> str:
    """The id of the delivery that is to be loaded."""
    return str(server.execute("select delivery_id from ops.deliveries where status = 'pending'", database=database))


def _object_key(file: BenchFile) -> str:
    return f"raw/{FEED}/{file.path.name}"
