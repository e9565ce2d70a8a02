"""Accepted records on their way into a batch, and how long their lines may be."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST_STRETCH = 256
"""Looking for a line end in each shorter stretch of a block costs more than splitting it into lines."""


@dataclass
class Run:
    """Records in COPY's form, each with its LF, that follow one another without a reject between them."""

    first_row_number: int
    payloads: list[bytes]
    records: int

    @property
    def next_row_number(self) -> int:
        return self.first_row_number + self.records

    @property
    def row_numbers(self) -> range:
        return range(self.first_row_number, self.next_row_number)

    @property
    def payload(self) -> bytes:
        return b"".join(self.payloads)


def extend(runs: list[Run], first_row_number: int, payload: bytes, records: int) -> None:
    """Add records to the last run, or to a new one where a reject stands between."""
    if runs and runs[-1].next_row_number == first_row_number:
        runs[-1].payloads.append(payload)
        runs[-1].records += records
    else:
        runs.append(Run(first_row_number, [payload], records))


def with_lineage(lines: list[bytes], runs: list[Run], load_id: int, delimiter: bytes) -> bytes:
    """The lines of the runs, given without line ends, each with its load and its row number as first fields."""
    lineage = b"%d" % load_id + delimiter + b"%d" + delimiter
    # Faster than formatting line by line.
    parts = [b"\n"] * (3 * len(lines))
    parts[::3] = [lineage % row_number for run in runs for row_number in run.row_numbers]
    parts[1::3] = lines
    return b"".join(parts)


def has_longer_line(text: bytes, limit: int) -> bool:
    """Whether a line has more than `limit` bytes.

    None has where every stretch of half as many bytes has a line end; that is quick to see.
    """
    half = limit // 2
    if half >= SHORTEST_STRETCH:
        stretches = range(0, len(text) - half + 1, half)
        if all(text.find(b"\n", start, start + half) >= 0 for start in stretches):
            return False
    return max(map(len, text.split(b"\n"))) > limit
