"""Copies what has landed in RDS to Redshift: the records, rejects, loads and deliveries of a batch in one transaction.

The records are read back from RDS, not from the file again: what Redshift gets is by construction what RDS has, with
the same ids, whatever the contract says by now. Redshift's own `ops.deliveries` tells what it has already, committed
with the rows themselves: a batch that was killed anywhere is simply still missing. One session copies at a time; its
claim is a lock in RDS, held until Redshift has committed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from loaders import database, redshift
from loaders.database import Connection, Cursor
from loaders.errors import LoaderError, TerminalError, TransientError
from loaders.load.redshift_plan import BATCH_LOADS, Batch, Held, next_batch
from loaders.storage import remove_under
from loaders.tables import quoted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from loaders.redshift import RedshiftConnection, RedshiftCursor

PREFIX = "work/redshift/"
CLAIM = "select pg_try_advisory_xact_lock(hashtextextended('xtage copy to redshift', 0))"
SNAPSHOT = (
    "set transaction isolation level repeatable read",
    # The session is idle while Redshift copies; longer than a Lambda can live, it would be a dead one's.
    "set local idle_in_transaction_session_timeout = '16min'",
)
ENOUGH_SECONDS = 300.0
"""A batch is begun only when so much time is left."""
MOST_FAILURES = 3
"""Loads that may fail by themselves before it is taken for something that fails them all."""


@dataclass(frozen=True)
class Copied:
    """`outcome` is `done`, or `more` when time ran short before everything was copied."""

    outcome: str
    loads: int
    deliveries: int


@dataclass(frozen=True)
class Copier:
    """What copying needs: both databases, the bucket they meet in, Redshift's role to read it, and the seconds left."""

    rds: Connection
    redshift: RedshiftConnection
    s3: S3Client
    bucket: str
    role: str
    seconds_left: Callable[[], float]
    failed: dict[int, str] = field(default_factory=dict)

    def copy_all(self) -> Copied:
        """Copies everything that is missing, in batches, while time is left.

        A load that Redshift refuses is left aside and told at the end, in a TerminalError; the others are copied.
        Raises TransientError when a database, the network or another transaction got in the way.
        """
        loads = deliveries = 0
        most = BATCH_LOADS
        while self.seconds_left() >= ENOUGH_SECONDS:
            batch: Batch | None = None
            try:
                batch = self._copy_next(most)
            except _RefusedError as refused:
                most = 1
                self._set_aside(refused)
                continue
            if batch is None:
                self._tell_failures()
                return Copied("done", loads, deliveries)
            loads, deliveries = loads + len(batch.load_ids), deliveries + len(batch.deliveries)
        self._tell_failures()
        return Copied("more", loads, deliveries)

    def _set_aside(self, refused: _RefusedError) -> None:
        """A batch of several loads is tried again one by one; a single load is not tried again in this call."""
        if not refused.batch.load_ids:
            raise refused.error
        if len(refused.batch.load_ids) == 1:
            self.failed[refused.batch.load_ids[0]] = refused.error.message
        if len(self.failed) == MOST_FAILURES:
            self._tell_failures()

    def _tell_failures(self) -> None:
        if self.failed:
            told = "; ".join(f"load {load_id}: {message}" for load_id, message in self.failed.items())
            raise TerminalError(f"Redshift refused {told}", remedy="RDS has them; the next run tries again")

    def _copy_next(self, most: int) -> Batch | None:
        """Copies the oldest batch; null when nothing is missing."""
        with database.transaction(self.rds) as rds:
            for statement in SNAPSHOT:
                rds.execute(statement)
            self._claim(rds)
            # Under the claim: whatever others left there is of no use to anybody.
            remove_under(self.s3, self.bucket, PREFIX)
            with redshift.transaction(self.redshift) as cursor:
                batch = next_batch(_held(rds), _copied(cursor), self.failed, most)
                batch = batch and replace(batch, arrays=_arrays((rds, cursor), batch.load_ids))
                columns = {} if batch is None else {table: _columns(cursor, table) for table in _tables(batch)}
            if batch is None:
                return None
            prefix = f"{PREFIX}{uuid.uuid4()}/"
            try:
                with database.classified(f"s3://{self.bucket}/{prefix}"):
                    manifests = self._write(rds, prefix, batch, columns)
                self._land(rds, batch, manifests)
            except TerminalError as error:
                raise _RefusedError(batch, error) from error
            finally:
                # What cannot be removed now, the next copy removes first.
                with suppress(LoaderError):
                    remove_under(self.s3, self.bucket, prefix)
        return batch

    def _claim(self, rds: Cursor) -> None:
        rds.execute(CLAIM)
        if not rds.fetchall()[0][0]:
            raise TransientError("another session copies to Redshift", remedy="try again when that has ended")

    def _write(
        self, rds: Cursor, prefix: str, batch: Batch, columns: Mapping[_Name, Mapping[str, str]]
    ) -> dict[_Name, str]:
        """Writes the rows of every table as Parquet; returns the manifest of each that has any."""
        # Imported here: it brings pyarrow.
        from loaders.load.parquet_objects import ParquetObjects, manifest

        manifests = {}
        for (schema, table), condition in _tables(batch).items():
            name = f"{schema}.{table}"
            objects = ParquetObjects(self.s3, self.bucket, f"{prefix}{name}", columns[schema, table])
            names = ", ".join(map(quoted, columns[schema, table]))
            query = f"select {names} from {quoted(schema)}.{quoted(table)} where {condition}"
            rds.execute(f"copy ({query}) to stdout with (format csv)", stream=objects)
            if written := objects.finish():
                key = f"{prefix}{name}.manifest"
                self.s3.put_object(Bucket=self.bucket, Key=key, Body=manifest(written))
                manifests[schema, table] = f"s3://{self.bucket}/{key}"
        return manifests

    def _land(self, rds: Cursor, batch: Batch, manifests: Mapping[_Name, str]) -> None:
        # Imported here: it brings pandas.
        import awswrangler

        with redshift.classified(), redshift.transaction(self.redshift) as cursor:
            for statement in changes(batch):
                cursor.execute(statement)
            for (schema, table), path in manifests.items():
                awswrangler.redshift.copy_from_files(
                    path=path,
                    con=self.redshift,
                    schema=schema,
                    table=table,
                    iam_role=self.role,
                    manifest=True,
                    commit_transaction=False,
                    use_threads=False,
                )
            _check_counts(cursor, batch)
            # The claim must still be ours: a session that RDS has ended has lost it.
            rds.execute("select 1")


def changes(batch: Batch) -> Iterator[str]:
    """What is executed before the batch is copied: nothing of an earlier attempt, or of before a replay, stays."""
    # First of all, before the transaction has a snapshot: whatever session a lost claim may have let in waits here for
    # the commit and sees it. Readers of the marts do not read this table.
    yield "lock table ops.loads"
    for (schema, table), condition in _tables(batch).items():
        yield f"delete from {quoted(schema)}.{quoted(table)} where {condition}"


_Name = tuple[str, str]


class _RefusedError(Exception):
    """A batch that could not be copied, for a reason that trying again does not mend."""

    def __init__(self, batch: Batch, error: TerminalError) -> None:
        super().__init__(str(error))
        self.batch = batch
        self.error = error


def _tables(batch: Batch) -> dict[_Name, str]:
    """Every table the batch has rows in, with the condition that finds them."""
    raw = {**batch.loads, **batch.arrays}
    tables = {("raw", table): f"_load_id in ({_numbers(loads)})" for table, loads in raw.items()}
    if batch.loads:
        these = f"load_id in ({_numbers(batch.load_ids)})"
        tables |= {("ops", table): these for table in ("rejects", "load_arrays", "loads")}
    return tables | {("ops", "deliveries"): f"delivery_id in ({_numbers(batch.deliveries)})"}


def _numbers(ids: Iterable[int]) -> str:
    return ", ".join(str(int(one)) for one in ids)


def _held(rds: Cursor) -> list[Held]:
    rds.execute(
        "select deliveries.delivery_id, deliveries.load_id, loads.feed, loads.records_loaded, deliveries.finished_at, "
        "deliveries.status = 'loaded' from ops.deliveries inner join ops.loads on deliveries.load_id = loads.load_id"
    )
    return [Held(*row) for row in rds.fetchall()]


def _arrays(ledgers: Iterable[Cursor | RedshiftCursor], load_ids: Collection[int]) -> dict[str, tuple[int, ...]]:
    """The raw tables of the loads' arrays, each with its loads; an array may be gone since it was copied."""
    if not load_ids:
        return {}
    pairs: set[tuple[str, int]] = set()
    for ledger in ledgers:
        ledger.execute(f"select table_name, load_id from ops.load_arrays where load_id in ({_numbers(load_ids)})")
        pairs |= {(str(table), int(load_id)) for table, load_id in ledger.fetchall()}
    found: dict[str, tuple[int, ...]] = {}
    for table, load_id in sorted(pairs):
        found[table] = (*found.get(table, ()), load_id)
    return found


def _copied(cursor: RedshiftCursor) -> dict[int, datetime]:
    cursor.execute("select delivery_id, finished_at from ops.deliveries")
    return {int(delivery_id): finished_at for delivery_id, finished_at in cursor.fetchall()}


def _columns(cursor: RedshiftCursor, table: _Name) -> dict[str, str]:
    """Names and types of a table's columns, in their order there: COPY takes Parquet by position, all of them."""
    cursor.execute(
        "select column_name, data_type from information_schema.columns "
        "where table_schema = %s and table_name = %s order by ordinal_position",
        table,
    )
    columns = {str(name): str(kind) for name, kind in cursor.fetchall()}
    if not columns:
        raise TerminalError(
            f"Redshift has no table {'.'.join(table)}", remedy="apply the migrations: invoke the migrate function"
        )
    return columns


def _check_counts(cursor: RedshiftCursor, batch: Batch) -> None:
    """Raises TerminalError unless Redshift has as many records and rejects of the loads as the ledger says."""
    for feed, loads in batch.loads.items():
        told = f"select sum(records_loaded) from ops.loads where load_id in ({_numbers(loads)})"
        _require_equal(cursor, f"records of {feed}", _rows_of(feed, loads), told, loads)
    for table, loads in batch.arrays.items():
        told = f"select coalesce(sum(rows_loaded), 0) from ops.load_arrays where load_id in ({_numbers(loads)})"
        _require_equal(cursor, f"rows of {table}", _rows_of(table, loads), f"{told} and table_name = '{table}'", loads)
    if batch.loads:
        these = f"where load_id in ({_numbers(batch.load_ids)})"
        told = f"select sum(records_rejected) from ops.loads {these}"
        _require_equal(cursor, "rejects", f"select count(*) from ops.rejects {these}", told, batch.load_ids)


def _rows_of(table: str, loads: Collection[int]) -> str:
    # Quoted: `raw` is a reserved word in Redshift.
    return f'select count(*) from "raw".{quoted(table)} where _load_id in ({_numbers(loads)})'


def _require_equal(cursor: RedshiftCursor, what: str, query: str, told: str, loads: Collection[int]) -> None:
    cursor.execute(f"select ({query}), ({told})")
    found, expected = cursor.fetchall()[0]
    if int(found) != int(expected):
        raise TerminalError(
            f"loads {_numbers(loads)}: {found} {what} were copied where the ledger has {expected}",
            remedy="replay them: their rows in RDS are not what landed",
        )
