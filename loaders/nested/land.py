"""The tables that Spark made of a nested file into RDS, exactly once, with their load, rejects and status."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping

from loaders import ledger
from loaders.contract import Contract
from loaders.database import Cursor
from loaders.errors import TerminalError, TransientError
from loaders.ledger import Delivery, Landed
from loaders.load.copy import Copy, copy_rejects
from loaders.load.rds import Loader, Outcome
from loaders.nested.work import Manifest, Work
from loaders.parse import Batch
from loaders.parse.batch import TEXT_FORMAT
from loaders.tables import Table, raw_tables

BATCH_ROWS = 8192


def land(loader: Loader, delivery_id: int, run_id: int | None, work: Work) -> Outcome:
    """Lands a pending delivery from the tables in its work place, which is removed; the rest is as for `Loader.load`.

    Raises TransientError where the place is gone, or was made with another contract: the next run splits again.
    TerminalError where the tables are not what the split counted.
    """

    def land_it(delivery: Delivery, contract: Contract) -> None:
        manifest = work.manifest()
        if (manifest.feed, manifest.contract_version) != (contract.feed, contract.version):
            raise TransientError("the contract has changed meanwhile", remedy="try again: the next run splits it again")
        # Of a replay that was asked for anew since the split, the same run splits the file anew.
        if manifest.replay_requested_at == delivery.replay_requested_at:
            loader.land(
                delivery,
                contract,
                run_id,
                lambda cursor, load_id: _land(loader, cursor, contract, load_id, manifest, work),
            )

    outcome = loader.attempt(delivery_id, run_id, land_it)
    work.remove()
    return outcome


def _land(loader: Loader, cursor: Cursor, contract: Contract, load_id: int, manifest: Manifest, work: Work) -> Landed:
    rows = {table.name: _copy(loader, cursor, table, load_id, work) for table in raw_tables(contract)}
    _require_counted(contract, manifest, rows)
    for name in work.names("rejects/"):
        copy_rejects(cursor, load_id, work.read(name))
    ledger.record_arrays(cursor, load_id, manifest.elements, rows)
    return Landed(manifest.content_sha256, manifest.counts, "glue")


def _copy(loader: Loader, cursor: Cursor, table: Table, load_id: int, work: Work) -> int:
    """Copies one table; returns its rows."""
    rows = 0

    def batches() -> Iterator[Batch]:
        nonlocal rows
        for name in work.names(f"tables/{table.name}/"):
            if name.endswith(".parquet"):
                for batch in _batches(work, name, table, load_id):
                    rows += batch.records
                    yield batch

    Copy(cursor, table.qualified, load_id, batches(), lambda: loader.require_time(f"{rows} rows of {table.name}")).run()
    return rows


def _batches(work: Work, name: str, table: Table, load_id: int) -> Iterator[Batch]:
    """The rows of one of Spark's files."""
    # Imported here: it is most of a start.
    import pyarrow as pa
    import pyarrow.parquet as pq

    from loaders.parse.parquet_rows import copy_text

    with tempfile.TemporaryFile() as file:
        work.download(name, file)
        parquet = pq.ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        columns = [column.name for column in table.columns if column.name != "_load_id"]
        for batch in parquet.iter_batches(BATCH_ROWS, columns=columns):
            texts = [batch.column(column).cast(pa.string()) for column in columns]
            load_ids = pa.repeat(pa.scalar(str(load_id), pa.string()), batch.num_rows)
            yield Batch(("_load_id", *columns), copy_text([load_ids, *texts]), batch.num_rows, TEXT_FORMAT)


def _require_counted(contract: Contract, manifest: Manifest, rows: Mapping[str, int]) -> None:
    """Every record and every element that the split counted is there, no more and no fewer."""
    counted = {contract.feed: manifest.records_loaded, **manifest.elements}
    wrong = [f"{name}: {rows[name]} rows of {count}" for name, count in counted.items() if rows[name] != count]
    if wrong:
        raise TerminalError(
            f"the tables are not what the file holds ({', '.join(wrong)}); nothing of it landed",
            remedy="report this with the file: split and json_to_tabular disagree",
        )
