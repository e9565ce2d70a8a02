"""What is measured: the cases, who takes part in each, and what is compared with what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.loading import files
from bench.loading.contenders import AWSWRANGLER, DLT, XTAGE, XTAGE_S3, A, B, Contender
from bench.loading.files import BenchFile
from bench.loading.server import FILLED
from localcloud.postgres import DATABASE


@dataclass(frozen=True)
class Entry:
    """A contender of a case: its name there, its file (made when needed in a directory), and its database."""

    name: str
    contender: Contender
    file: Callable[[Path], BenchFile]
    database: str = DATABASE


@dataclass(frozen=True)
class Comparison:
    """`name` should be at least `target` times as fast as `yardstick`; null where the figure is only told."""

    name: str
    yardstick: str
    target: float | None = None


@dataclass(frozen=True)
class Case:
    """Some contenders, measured in the same rounds.

    Where `only_memory` matters there is one round and no warming up.
    """

    name: str
    entries: tuple[Entry, ...]
    comparisons: tuple[Comparison, ...] = ()
    only_memory: bool = False

    @property
    def databases(self) -> set[str]:
        """The databases it loads into."""
        return {entry.database for entry in self.entries}


@dataclass(frozen=True)
class Sizes:
    """How large the files and the filled table are."""

    rows: tuple[int, ...] = (1_000_000, 5_000_000)
    filled_rows: int = 20_000_000
    endless_bytes: int = 1 << 30
    rejects: int = 1_000_000


QUICK = Sizes(rows=(50_000,), filled_rows=400_000, endless_bytes=1 << 26, rejects=10_000)
MILLION = 1_000_000
TARGETS = {"from disk": {MILLION: 0.90, 5 * MILLION: 0.95}, "plain": {MILLION: 0.75}}
"""Of the yardstick's speed, by number of rows; other sizes have none."""


def all_cases(sizes: Sizes) -> list[Case]:
    """Every case at the given sizes; those that are measured at one size use the first one."""
    rows = sizes.rows[0]
    return [
        *(_csv(size) for size in sizes.rows),
        *(_from_s3(size) for size in sizes.rows),
        *_json(rows),
        *_dirty(rows),
        _filled(rows),
        _alternatives(rows),
        *_memory(sizes),
    ]


def _csv(rows: int) -> Case:
    file = partial(files.csv_file, rows=rows)
    return Case(
        f"csv {rows}",
        (Entry("A", A, file), Entry("B", B, file), Entry("xtage", XTAGE, file)),
        (
            Comparison("B", "A"),
            Comparison("xtage", "A", TARGETS["plain"].get(rows)),
            Comparison("xtage", "B", TARGETS["from disk"].get(rows)),
        ),
    )


def _from_s3(rows: int) -> Case:
    file = partial(files.csv_file, rows=rows)
    entries = (Entry("B", B, file), Entry("xtage from S3", XTAGE_S3, file))
    return Case(f"csv from S3 {rows}", entries, (Comparison("xtage from S3", "B", _at_scale(rows, 0.85)),))


def _json(rows: int) -> Iterator[Case]:
    yardstick = Entry("B", B, partial(files.csv_file, rows=rows))
    forms = {
        "json lines": (files.json_lines_file, 0.45),
        "json array": (files.json_array_file, 0.45),
        "json nested": (files.nested_json_file, None),
    }
    for name, (make, target) in forms.items():
        entry = Entry("xtage", XTAGE, partial(make, rows=rows))
        yield Case(f"{name} {rows}", (yardstick, entry), (Comparison("xtage", "B", _at_scale(rows, target)),))


def _dirty(rows: int) -> Iterator[Case]:
    """At most 1.25 times the time of a clean file is at least 0.80 of its speed."""
    forms = {
        "csv": (files.csv_file, files.dirty_csv_file),
        "json lines": (files.json_lines_file, files.dirty_json_lines_file),
    }
    for name, (clean, dirty) in forms.items():
        entries = (Entry("clean", XTAGE, partial(clean, rows=rows)), Entry("dirty", XTAGE, partial(dirty, rows=rows)))
        yield Case(f"dirty {name} {rows}", entries, (Comparison("dirty", "clean", _at_scale(rows, 0.80)),))


def _filled(rows: int) -> Case:
    file = partial(files.csv_file, rows=rows)
    entries = (
        Entry("B", B, file),
        Entry("B, filled", B, file, FILLED),
        Entry("xtage", XTAGE, file),
        Entry("xtage, filled", XTAGE, file, FILLED),
    )
    comparisons = (Comparison("B, filled", "B"), Comparison("xtage, filled", "xtage", _at_scale(rows, 0.95)))
    return Case(f"filled table {rows}", entries, comparisons)


def _alternatives(rows: int) -> Case:
    file = partial(files.csv_file, rows=rows)
    entries = (Entry("xtage", XTAGE, file), Entry("awswrangler", AWSWRANGLER, file), Entry("dlt", DLT, file))
    comparisons = (
        Comparison("xtage", "awswrangler", _at_scale(rows, 10.0)),
        Comparison("xtage", "dlt", _at_scale(rows, 20.0)),
    )
    return Case(f"alternatives {rows}", entries, comparisons)


def _memory(sizes: Sizes) -> Iterator[Case]:
    """Files that could make a loader hold more than it should."""
    size = sizes.endless_bytes
    makers = {
        f"one line, {size >> 20} MB": partial(files.endless_line_file, size=size, header=False),
        f"one record, {size >> 20} MB": partial(files.endless_line_file, size=size, header=True),
        f"{sizes.rejects} rejects": partial(
            files.dirty_csv_file, rows=sizes.rejects * files.REJECT_EVERY, every=files.REJECT_EVERY
        ),
    }
    for name, make in makers.items():
        yield Case(f"memory {name}", (Entry("xtage", XTAGE, make),), only_memory=True)


def _at_scale(rows: int, target: float | None) -> float | None:
    """The targets hold from a million rows on; below that the start of a process is most of what is measured."""
    return target if rows >= MILLION else None
