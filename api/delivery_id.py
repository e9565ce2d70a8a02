"""How a delivery is named before the pipeline has given it a number: by the object version it is."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from loaders.storage import ObjectVersion


def delivery_path(object_key: str, version_id: str) -> str:
    """The path that tells of the delivery of an object version."""
    name = urlsafe_b64encode(msgspec.json.encode((object_key, version_id))).decode().rstrip("=")
    return f"/v1/deliveries/{name}"


def version_named(name: str, bucket: str) -> ObjectVersion | None:
    """The object version that such a name stands for; None when it is no such name."""
    try:
        text = urlsafe_b64decode(name.encode("ascii") + b"=" * (-len(name) % 4))
        object_key, version_id = msgspec.json.decode(text, type=tuple[str, str])
    except (binascii.Error, UnicodeError, ValueError):
        return None
    # PostgreSQL and S3 know no NUL.
    return None if "\0" in object_key + version_id else ObjectVersion(bucket, object_key, version_id)
