"""How object versions come to the ledger: by their event, or by a sweep over the bucket for events that never came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from loaders import ledger, runs
from loaders.contract import Contract, is_drop
from loaders.database import Connection, transaction
from loaders.errors import TerminalError
from loaders.storage import Drop, find_version, list_versions

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def register_event(
    connection: Connection, s3: S3Client, contracts: Mapping[str, Contract], event: Mapping[str, Any]
) -> int | None:
    """Registers the version of an EventBridge `Object Created` event, once however often it comes; returns its id.

    Null when it is no drop (a reserved prefix) or when the version is gone again. Raises TerminalError for an event of
    another shape.
    """
    try:
        bucket, described = str(event["detail"]["bucket"]["name"]), event["detail"]["object"]
        object_key = str(described["key"])
    except (KeyError, TypeError) as error:
        raise TerminalError(
            f"the event is no Object Created event of S3: {error} is missing", remedy="start runs without an event"
        ) from error
    drop = find_version(s3, bucket, object_key, described.get("version-id"))
    if drop is None or not is_drop(object_key, drop.bytes):
        return None
    return _register(connection, contracts, [drop], described.get("sequencer"))[0]


def sweep(connection: Connection, s3: S3Client, contracts: Mapping[str, Contract], bucket: str) -> list[int]:
    """Registers every version in the bucket that the ledger does not know; returns their ids.

    Deliveries that were unrecognized become pending when a contract knows them by now.
    """
    registered: list[int] = []
    for versions in list_versions(s3, bucket):
        with transaction(connection) as cursor:
            missing = ledger.unregistered(cursor, versions)
        # Oldest first, so that ids follow the order of delivery as they do when events register them.
        found = [find_version(s3, bucket, one.object_key, one.version_id) for one in missing]
        drops = sorted((drop for drop in found if drop), key=lambda drop: (drop.delivered_at, drop.version_order))
        registered += _register(connection, contracts, drops)
    with transaction(connection) as cursor:
        runs.lock_lease(cursor)
        ledger.recognize_again(cursor, contracts)
    return registered


def _register(
    connection: Connection, contracts: Mapping[str, Contract], drops: Iterable[Drop], sequencer: str | None = None
) -> list[int]:
    with transaction(connection) as cursor:
        runs.lock_lease(cursor)
        return [ledger.register(cursor, drop, contracts, sequencer) for drop in drops]
