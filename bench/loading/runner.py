"""Runs the cases: each measurement begins with an empty ledger and counts the rows that landed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.loading import files, server
from bench.loading.cases import Case, Entry
from bench.loading.contenders import Place
from bench.loading.server import FILLED, Server
from bench.measure import BenchError, Measurement, in_turn, measure, touch_memory

FILL_ROWS = 100_000
MEMORY_OF_FILE = 4
"""A file, its table, the log and what the contender holds, in sizes of the file, and some more."""


@dataclass(frozen=True)
class Result:
    """A case with the measurements of each of its entries by name, one per round; or why there are none."""

    case: Case
    measurements: dict[str, list[Measurement]]
    error: str | None = None


@dataclass(frozen=True)
class Bench:
    """Where it runs and whom it tells; `say` gets one line per measurement.

    With `warm_up` the first contender of each case runs once uncounted, for the caches of files and server.
    """

    server: Server
    directory: Path
    say: Callable[[str], None]
    warm_up: bool = True

    def run(self, cases: Sequence[Case], rounds: int, filled_rows: int) -> list[Result]:
        """Measures the cases one after the other; where a contender fails or loses rows, the case has no figures."""
        if any(FILLED in case.databases for case in cases):
            self.say(f"filling a table with {filled_rows:,} rows")
            file = files.csv_file(self._files, min(FILL_ROWS, filled_rows))
            server.fill(self.server, file.path, filled_rows // file.rows)
        return [self._result(case, rounds) for case in cases]

    @property
    def _files(self) -> Path:
        return files.cache(self.directory)

    def _result(self, case: Case, rounds: int) -> Result:
        try:
            return Result(case, self._measurements(case, rounds))
        except BenchError as error:
            self.say(f"{case.name} gives no figures: {error}")
            return Result(case, {}, str(error))

    def _measurements(self, case: Case, rounds: int) -> dict[str, list[Measurement]]:
        measurements: dict[str, list[Measurement]] = {entry.name: [] for entry in case.entries}
        if case.only_memory:
            rounds = 1
        elif self.warm_up:
            self._measure(case.entries[0])
        for number in range(rounds):
            for entry in in_turn(case.entries, number):
                measured = self._measure(entry)
                measurements[entry.name].append(measured)
                place = f"{case.name}, round {number + 1} of {rounds}"
                self.say(f"{place}: {entry.name} {measured.seconds:.2f} s, {measured.peak_mb:.0f} MB")
        return measurements

    def _measure(self, entry: Entry) -> Measurement:
        file, place = entry.file(self._files), Place(self.server, entry.database, self.directory)
        server.empty(self.server, entry.database)
        entry.contender.prepare(place, file)
        before = self._rows(entry)
        touch_memory(MEMORY_OF_FILE * file.path.stat().st_size)
        measured = measure(entry.contender.command(place, file))
        landed = self._rows(entry) - before
        if landed != file.landed:
            raise BenchError(
                f"{entry.name} landed {landed:,} rows of {file.path.name}, which has {file.landed:,}; it said: "
                f"{measured.said or 'nothing'}"
            )
        return measured

    def _rows(self, entry: Entry) -> int:
        table, database = entry.contender.table, entry.database
        if self.server.execute(f"select to_regclass('{table}') is null", database=database):
            return 0
        return int(self.server.execute(f"select count(*) from {table}", database=database))
