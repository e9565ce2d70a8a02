"""One fetch: all pages into one object of the feed, or nothing."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, TYPE_CHECKING, Any

import msgspec

from api.connectors.definition import ApiKey, Connector
from api.connectors.errors import FetchError
from api.connectors.http import Client
from api.connectors.pages import pages
from api.connectors.state import Fetch, Memory

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient

MOST_BYTES = 400 * 2**20
"""What the function's disk has room for."""


@dataclass(frozen=True)
class Surroundings:
    """What a fetch works with. `ca_file` names other certificates to trust than the system's."""

    s3: S3Client
    secrets: SecretsManagerClient
    memory: Memory
    bucket: str
    stage: str
    seconds_left: Callable[[], float]
    ca_file: str | None = None


def fetch(connector: Connector, begun: Fetch, around: Surroundings) -> Fetch:
    """Fetches what is new and says how it went; a failure is told, never raised.

    The object is put when the last page was read, whole; the watermark moves after it. Killed anywhere, it has landed
    everything or nothing, and the next fetch asks for the same days again: what landed twice counts once.
    """
    first, last = _days(connector, begun, around.memory)
    begun = msgspec.structs.replace(begun, status="running", first_day=first, last_day=last)
    around.memory.keep_fetch(begun)
    try:
        ended = _fetched(connector, begun, around)
        if last is not None:
            around.memory.keep_watermark(last)
    except FetchError as error:
        ended = msgspec.structs.replace(begun, status="failed", error=str(error)[:1000])
    except Exception as error:
        # Its text may quote what the other side sent.
        ended = msgspec.structs.replace(begun, status="failed", error=f"{type(error).__name__}; see the function's log")
        around.memory.keep_fetch(_finished(ended))
        raise
    ended = _finished(ended)
    around.memory.keep_fetch(ended)
    return ended


def _finished(fetch: Fetch) -> Fetch:
    return msgspec.structs.replace(fetch, finished_at=datetime.now(UTC))


def _days(connector: Connector, begun: Fetch, memory: Memory) -> tuple[date | None, date | None]:
    """The days to ask for, up to the one it was asked for on; the next fetch has that one again: it may not be over."""
    if connector.range is None:
        return None, None
    return memory.watermark() or connector.range.first_day, begun.queued_at.date()


def _fetched(connector: Connector, begun: Fetch, around: Surroundings) -> Fetch:
    client = Client(
        connector.base_url,
        _credentials(connector, around),
        connector.requests_per_second,
        around.seconds_left,
        allow_private=connector.allow_private_addresses,
        ca_file=around.ca_file,
    )
    with tempfile.TemporaryFile() as file:
        page_count, records = _spool(connector, client, _parameters(connector, begun), file)
        if not records and connector.range is None:
            raise FetchError("there is not one record", "a full delivery of none would close every one there is")
        place = _put(connector, begun, file, around) if records else (None, None)
    object_key, version_id = place
    return msgspec.structs.replace(
        begun, status="succeeded", pages=page_count, records=records, object_key=object_key, version_id=version_id
    )


def _parameters(connector: Connector, begun: Fetch) -> dict[str, str]:
    days = connector.range
    if days is None:
        return {}
    return {days.from_parameter: str(begun.first_day), days.to_parameter: str(begun.last_day)}


def _spool(connector: Connector, client: Client, parameters: dict[str, str], file: IO[bytes]) -> tuple[int, int]:
    """Writes every record into a JSON array, byte for byte as it came; returns how many pages and records."""
    page_count = records = 0
    for page in pages(connector, client, parameters):
        page_count += 1
        for record in page:
            file.write(b",\n" if records else b"[")
            file.write(bytes(record))
            records += 1
        if file.tell() > MOST_BYTES:
            raise FetchError(f"there are more than {MOST_BYTES} bytes", "ask for a shorter range")
    file.write(b"]")
    file.seek(0)
    return page_count, records


def _put(connector: Connector, begun: Fetch, file: IO[bytes], around: Surroundings) -> tuple[str, str]:
    object_key = f"raw/{connector.feed}/connectors/{connector.name}/{begun.fetch_id}.json"
    # In parts when it is large; the object is there when the last one is.
    around.s3.upload_fileobj(file, around.bucket, object_key)
    return object_key, around.s3.head_object(Bucket=around.bucket, Key=object_key)["VersionId"]


def _credentials(connector: Connector, around: Surroundings) -> dict[str, str]:
    token = _token(connector, around)
    if isinstance(connector.auth, ApiKey):
        return {connector.auth.header: token}
    return {"Authorization": f"Bearer {token}"}


def _token(connector: Connector, around: Surroundings) -> str:
    name = secret_name(around.stage, connector.name)
    try:
        text = around.secrets.get_secret_value(SecretId=name)["SecretString"]
        token: Any = json.loads(text)["token"]
    except around.secrets.exceptions.ResourceNotFoundException:
        raise FetchError(f"there is no secret {name}", 'make it, holding {"token": "..."}') from None
    except (ValueError, KeyError, TypeError):
        raise FetchError(f"the secret {name} is not what it should be", 'give it {"token": "..."}') from None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise FetchError(f"the token in the secret {name} is no header's value", "give it as it was given")
    return token


def secret_name(stage: str, connector: str) -> str:
    """The secret that holds a connector's token."""
    return f"xtage/{stage}/connectors/{connector}"
