"""A nested file to numbered parts of JSON Lines in `work/`, its rejects beside them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

import msgspec

from loaders import ledger
from loaders.contract import Contract
from loaders.counts import require_records, told
from loaders.database import transaction
from loaders.errors import TerminalError, TransientError
from loaders.ledger import Delivery
from loaders.load.copy import reject_line
from loaders.load.rds import LandedMeanwhileError, Loader, Outcome
from loaders.load.read_ahead import read_ahead
from loaders.nested.layout import layout_of
from loaders.nested.work import MANIFEST, Manifest, Work
from loaders.parse import Lines, Reject, read_nested
from loaders.storage import ObjectStream
from loaders.tables import arrays_of

PART_BYTES = 16 << 20
"""One task of Spark's; twice as much is held in memory while a part is sent."""


@dataclass(frozen=True)
class Split:
    """What became of a delivery, and where its parts lie; null when there is nothing to flatten."""

    outcome: Outcome
    work: Work | None


def split(loader: Loader, delivery_id: int, run_id: int | None) -> Split:
    """Splits a pending delivery's file. Nothing lands: the delivery stays pending, unless the file is refused or known.

    Raises TransientError and TerminalError.
    """
    made: list[Work] = []

    def prepare(delivery: Delivery, contract: Contract) -> None:
        if not contract.arrays:
            raise TerminalError(f"the contract of {contract.feed} nests no arrays", remedy="load it with the Lambda")
        work = Work.begin(loader.s3, delivery.version.bucket, delivery.delivery_id)
        try:
            manifest = _write(loader, delivery, contract, work)
            if delivery.load_id is None:
                _require_new(loader, contract, manifest.content_sha256)
        except Exception:
            work.remove()
            raise
        made.append(work)

    outcome = loader.attempt(delivery_id, run_id, prepare)
    return Split(outcome, made[0] if made else None)


def _write(loader: Loader, delivery: Delivery, contract: Contract, work: Work) -> Manifest:
    parts, rejects = Parts(work.write, "parts/part-{:05}.jsonl"), Parts(work.write, "rejects/part-{:05}.copy")
    first_reject: str | None = None
    with ObjectStream(loader.s3, delivery.version) as stream:
        reader = read_nested(stream, delivery.version.object_key, contract)
        with closing(read_ahead(reader, Lines)) as pieces:
            for piece in pieces:
                loader.require_time(f"{stream.bytes_read} of {delivery.bytes} bytes")
                if isinstance(piece, Reject):
                    first_reject = first_reject or told(piece)
                    rejects.add(reject_line(piece))
                else:
                    parts.add(piece.payload)
        content_sha256 = stream.finish()
        if stream.bytes_read != delivery.bytes:
            raise TransientError(f"S3 sent {stream.bytes_read} of {delivery.bytes} bytes", remedy="try again")
    counts = reader.summary
    require_records(contract, counts, first_reject)
    rejects.close()
    parts.close()
    if not parts.count:
        # Spark does not read from a place where nothing is.
        work.write(parts.name.format(1), b"")
    work.write("layout.json", msgspec.json.encode(layout_of(contract)))
    manifest = Manifest(
        feed=contract.feed,
        contract_version=contract.version,
        content_sha256=content_sha256,
        parts=parts.count,
        records_read=counts.records_read,
        records_loaded=counts.records_loaded,
        records_rejected=counts.records_rejected,
        blank_lines=counts.blank_lines,
        elements={array.name: counts.elements[array.name] for array, _ in arrays_of(contract.arrays)},
        replay_requested_at=delivery.replay_requested_at,
    )
    work.write(MANIFEST, msgspec.json.encode(manifest))
    return manifest


def _require_new(loader: Loader, contract: Contract, content_sha256: str) -> None:
    """Goes no further with a content that has landed under another name."""
    with transaction(loader.connection) as cursor:
        if ledger.find_load(cursor, contract.feed, content_sha256) is not None:
            raise LandedMeanwhileError(content_sha256)


@dataclass
class Parts:
    """Lines collected into objects of about `PART_BYTES`, numbered from 1; `count` is how many there are."""

    write: Callable[[str, bytes], None]
    name: str
    count: int = 0
    lines: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, lines: bytes) -> None:
        self.lines.append(lines)
        self.size += len(lines)
        if self.size >= PART_BYTES:
            self.close()

    def close(self) -> None:
        """Writes what is left."""
        if self.lines:
            self.count += 1
            self.write(self.name.format(self.count), b"".join(self.lines))
            self.lines, self.size = [], 0
