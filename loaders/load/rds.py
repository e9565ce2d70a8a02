"""One delivery into RDS, exactly once: data, load, rejects and the delivery's status in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loaders import ledger
from loaders.contract import Contract
from loaders.counts import require_records, require_size
from loaders.database import Connection, Cursor, transaction
from loaders.errors import DataError, LoaderError, TerminalError, TransientError
from loaders.ledger import Delivery, Landed
from loaders.load.copy import Copy
from loaders.load.read_ahead import read_ahead
from loaders.parse import Batch, read
from loaders.replays import CopyUnder, land_again
from loaders.storage import ObjectStream
from loaders.tables import raw_table

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RESERVE_SECONDS = 20.0
"""A load that has less time left than this stops: the rest is for the rollback and for writing down why."""


@dataclass(frozen=True)
class Outcome:
    """What became of a delivery, or of its replay where it was asked for again.

    The counts are its load's; null when nothing of its content ever landed.
    """

    delivery_id: int
    feed: str | None
    object_key: str
    bytes: int
    status: str
    load_id: int | None
    records_read: int | None
    records_loaded: int | None
    records_rejected: int | None
    error: str | None


@dataclass(frozen=True)
class Loader:
    """What loading needs: a database, a bucket, the contracts, how many seconds are left, how large a file may be."""

    connection: Connection
    s3: S3Client
    contracts: Mapping[str, Contract]
    seconds_left: Callable[[], float]
    max_bytes: int | None = None

    def load(self, delivery_id: int, run_id: int | None) -> Outcome:
        """Lands a pending delivery, or its pending replay; else it is answered with what became of it.

        A file that is refused is recorded as failed, in a transaction of its own. Raises TransientError and
        TerminalError; nothing of the file has landed then, and the delivery is still pending.
        """
        return self.attempt(
            delivery_id, run_id, lambda delivery, contract: self.read_and_land(delivery, contract, run_id)
        )

    def attempt(self, delivery_id: int, run_id: int | None, land: Callable[[Delivery, Contract], None]) -> Outcome:
        """As `load`, with whatever `land` does about a delivery whose content is not known to have landed."""
        with transaction(self.connection) as cursor:
            delivery = ledger.find_delivery(cursor, delivery_id)
        if delivery.status == "pending":
            try:
                self._settle(delivery, run_id, land)
            except DataError as refusal:
                refusal.object_key = delivery.version.object_key
                with transaction(self.connection) as cursor:
                    ledger.fail_delivery(cursor, delivery_id, run_id, str(refusal), final=True)
            except LoaderError as error:
                error.object_key, error.feed = delivery.version.object_key, delivery.feed
                raise
        with transaction(self.connection) as cursor:
            return outcome(cursor, delivery_id)

    def _settle(self, delivery: Delivery, run_id: int | None, land: Callable[[Delivery, Contract], None]) -> None:
        contract = self.contracts.get(delivery.feed or "")
        if contract is None:
            raise TerminalError(f"feed {delivery.feed} has no contract", remedy="deploy the contract, then drop again")
        require_size(delivery.bytes, self.max_bytes)
        if delivery.load_id is None:
            content_sha256 = self._hash_if_probably_landed(delivery)
            if content_sha256 is not None and self.settle_as_duplicate(delivery, run_id, content_sha256):
                return
        try:
            land(delivery, contract)
        except LandedMeanwhileError as landed:
            self.settle_as_duplicate(delivery, run_id, landed.content_sha256)

    def read_and_land(self, delivery: Delivery, contract: Contract, run_id: int | None) -> None:
        """Lands a delivery from its file, as `land` says. Raises TransientError where it goes by way of Glue."""
        if contract.route != "lambda":
            raise TransientError(
                f"feed {contract.feed} is nested and goes by way of Glue", remedy="nothing to do: the next run takes it"
            )
        self.land(delivery, contract, run_id, lambda cursor, load_id: self._copy(cursor, delivery, contract, load_id))

    def land(self, delivery: Delivery, contract: Contract, run_id: int | None, copy: CopyUnder) -> None:
        """Lands what `copy` lands under the id of a load, with the load and the delivery's status, in one transaction.

        A delivery that has landed keeps its load, and what that landed before goes. Nothing happens where somebody has
        settled it meanwhile, or asked for it again.
        """
        with transaction(self.connection) as cursor:
            if not ledger.lock_version(cursor, delivery.version):
                raise TransientError("another session is loading it", remedy="try again when that has ended")
            now = ledger.find_delivery(cursor, delivery.delivery_id)
            if (now.status, now.replay_requested_at) != (delivery.status, delivery.replay_requested_at):
                return
            if delivery.load_id is None:
                _land_first(cursor, delivery, contract, run_id, copy)
            else:
                land_again(cursor, delivery, delivery.load_id, contract, run_id, copy)

    def _copy(self, cursor: Cursor, delivery: Delivery, contract: Contract, load_id: int) -> Landed:
        """Lands the file's records and rejects."""
        with ObjectStream(self.s3, delivery.version) as stream:
            reader = read(stream, delivery.version.object_key, contract, load_id)
            with closing(read_ahead(reader, Batch)) as items:
                copy = Copy(
                    cursor,
                    raw_table(contract).qualified,
                    load_id,
                    items,
                    lambda: self.require_time(f"{stream.bytes_read} of {delivery.bytes} bytes"),
                )
                copy.run()
            content_sha256 = stream.finish()
            if stream.bytes_read != delivery.bytes:
                raise TransientError(f"S3 sent {stream.bytes_read} of {delivery.bytes} bytes", remedy="try again")
        require_records(contract, reader.summary, copy.first_reject)
        return Landed(content_sha256, reader.summary)

    def _hash_if_probably_landed(self, delivery: Delivery) -> str | None:
        """The content's hash when a look at the ledger says that it has landed: a cheap way out before any COPY."""
        with transaction(self.connection) as cursor:
            if not ledger.probably_landed(cursor, delivery):
                return None
        with ObjectStream(self.s3, delivery.version) as stream:
            while stream.read(1 << 20):
                self.require_time(f"{stream.bytes_read} of {delivery.bytes} bytes")
            return stream.finish()

    def settle_as_duplicate(self, delivery: Delivery, run_id: int | None, content_sha256: str) -> bool:
        """Makes a delivery a duplicate when its content has landed; whether it had."""
        with transaction(self.connection) as cursor:
            load_id = ledger.find_load(cursor, str(delivery.feed), content_sha256)
            if load_id is not None:
                ledger.finish_delivery(
                    cursor, delivery.delivery_id, run_id, "duplicate", content_sha256=content_sha256, load_id=load_id
                )
        return load_id is not None

    def require_time(self, done: str) -> None:
        """Raises TerminalError when there is just enough time left to say so."""
        if self.seconds_left() < RESERVE_SECONDS:
            raise TerminalError(
                f"time ran out after {done}; nothing of it landed",
                remedy="give the function more time or memory, or drop the file in parts",
            )


def _land_first(cursor: Cursor, delivery: Delivery, contract: Contract, run_id: int | None, copy: CopyUnder) -> None:
    load_id = ledger.new_load_id(cursor)
    landed = copy(cursor, load_id)
    if not ledger.record_load(cursor, load_id, contract, landed):
        raise LandedMeanwhileError(landed.content_sha256)
    sha256 = landed.content_sha256
    ledger.finish_delivery(cursor, delivery.delivery_id, run_id, "loaded", content_sha256=sha256, load_id=load_id)


class LandedMeanwhileError(Exception):
    """The content is in the database already; what was copied of it now is rolled back."""

    def __init__(self, content_sha256: str) -> None:
        super().__init__(content_sha256)
        self.content_sha256 = content_sha256


def outcome(cursor: Cursor, delivery_id: int) -> Outcome:
    """What the ledger says became of a delivery."""
    delivery = ledger.find_delivery(cursor, delivery_id)
    counts = None if delivery.load_id is None else ledger.counts_of(cursor, delivery.load_id)
    return Outcome(
        delivery_id=delivery.delivery_id,
        feed=delivery.feed,
        object_key=delivery.version.object_key,
        bytes=delivery.bytes,
        status=delivery.status,
        load_id=delivery.load_id,
        records_read=counts.records_read if counts else None,
        records_loaded=counts.records_loaded if counts else None,
        records_rejected=counts.records_rejected if counts else None,
        error=delivery.error,
    )
