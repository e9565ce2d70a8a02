"""What Redshift lacks of what has landed in RDS, and how much of it is copied at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

BATCH_LOADS = 100
"""As many as a round of the pipeline lands: of many small files, one COPY per feed takes them all."""
BATCH_RECORDS = 5_000_000
"""Minutes of work; a load with more of them is a batch of its own."""


@dataclass(frozen=True)
class Held:
    """A delivery whose content has landed in RDS. Replaying its load gives it a new `finished_at`."""

    delivery_id: int
    load_id: int
    feed: str
    records: int
    finished_at: datetime
    landed_load: bool
    """Whether it is the delivery whose file was read; the others brought the same content again."""


@dataclass(frozen=True)
class Batch:
    """Loads to copy with all their rows, by feed, and deliveries whose row in the ledger is to be copied.

    `arrays` are the loads of nested feeds by the raw tables of their arrays.
    """

    loads: Mapping[str, tuple[int, ...]]
    deliveries: tuple[int, ...]
    arrays: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def load_ids(self) -> tuple[int, ...]:
        return tuple(sorted(load_id for loads in self.loads.values() for load_id in loads))


def next_batch(
    held: Iterable[Held], copied: Mapping[int, datetime], without: Collection[int] = (), most: int = BATCH_LOADS
) -> Batch | None:
    """The oldest of what is missing; null when nothing is.

    `copied` is what Redshift's ledger has: each delivery with its `finished_at`. A delivery that differs was replayed
    since. `without` names loads that are left aside, with all their deliveries: the models must see no delivery whose
    records are not there.
    """
    missing = [one for one in held if one.load_id not in without and copied.get(one.delivery_id) != one.finished_at]
    waiting = {one.load_id: one for one in missing if one.landed_load}
    chosen = _chosen(waiting, most)
    deliveries = [one.delivery_id for one in missing if one.load_id in chosen or one.load_id not in waiting]
    if not deliveries:
        return None
    feeds = sorted({waiting[load_id].feed for load_id in chosen})
    loads = {feed: tuple(load_id for load_id in chosen if waiting[load_id].feed == feed) for feed in feeds}
    return Batch(loads, tuple(deliveries))


def _chosen(waiting: Mapping[int, Held], most: int) -> list[int]:
    chosen: list[int] = []
    records = 0
    for load_id in sorted(waiting):
        records += waiting[load_id].records
        if chosen and (len(chosen) == most or records > BATCH_RECORDS):
            break
        chosen.append(load_id)
    return chosen
