"""A history of sales in the raw tables, as the loaders would have left it, and what lands on top of it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import samples.make
from bench.building.warehouse import Database
from samples import FILES, feeds, make_samples
from samples.make import MANIFEST

LOADS = 100
"""In how many files each feed of sales came: a file holds one in a hundred of its records."""
COLUMNS = {
    "sales": ("transaction_id", "product_id", "quantity", "price", "transaction_date"),
    "transactions": ("transaction_id", "customer_id", "product_id", "quantity", "transaction_date", "total_amount"),
    "products": ("product_id", "product_name", "category", "price", "stock_available"),
    "customers": ("customer_id", "customer_name", "age", "gender", "location", "date_joined"),
    "exchange_rates": ("currency_code", "exchange_rate", "date"),
}
DELTA = ("sales", "transactions")


@dataclass
class History:
    """What has landed in a database: so many sales, and as many transactions."""

    database: Database
    records: int
    landed: int = 0

    def land_new(self, records: int) -> None:
        """Lands the next records of sales and transactions, one file of each."""
        for feed in DELTA:
            self._land(feed, f"select * from landing.{feed} where n > {self.landed} and n <= {self.landed + records}")
        self.landed += records

    def land_corrected(self, share: int, turn: int) -> None:
        """Lands one in `share` records of the history again, with keys from all of it: corrections."""
        for feed in DELTA:
            self._land(feed, f"select * from landing.{feed} where n <= {self.landed} and n % {share} = {turn}")

    def land_everything(self) -> None:
        """Lands the history: a hundred files of sales and of transactions, one of each other feed."""
        for feed in COLUMNS:
            if feed not in DELTA:
                self._land(feed, f"select * from landing.{feed}")
        for _ in range(LOADS):
            self.land_new(self.records // LOADS)
        self.database.execute(*(f"analyze raw.{feed}" for feed in COLUMNS), "checkpoint")

    def _land(self, feed: str, records: str) -> None:
        columns = ", ".join(COLUMNS[feed])
        self.database.execute(
            f"""
            do $$
            declare
                load bigint := nextval('ops.load_ids');
                landed bigint;
            begin
                insert into raw.{feed} ({columns}, _load_id, _row_number)
                select {columns}, load, row_number() over (order by n) from ({records}) as records;
                get diagnostics landed = row_count;
                insert into ops.loads (load_id, feed, content_sha256, contract_version, records_read, records_loaded,
                    records_rejected)
                values (load, '{feed}', load::text, '1.0.0', landed, landed, 0);
                insert into ops.deliveries (feed, bucket, object_key, version_id, delivered_at, bytes, content_sha256,
                    load_id, status)
                values ('{feed}', 'bench', 'raw/{feed}/' || load, 'v',
                    timestamp '2026-01-01' + load * interval '1 hour', 1, load::text, load, 'loaded');
            end $$
            """
        )


def make(database: Database, records: int, spare: int, files: Path) -> History:
    """Lands sample feeds as a history of so many sales and transactions; `spare` more are there to land later.

    The files stay in `files` for the next time.
    """
    made = records + spare
    out = files / f"samples-{made}-{_edition()}"
    if not (out / MANIFEST).exists():
        make_samples(out, records={"sales": made, "transactions": made})
    database.execute("create schema landing")
    for feed in COLUMNS:
        names = ", ".join(f"{column} text" for column in COLUMNS[feed])
        database.execute(f"create unlogged table landing.{feed} ({names}, n bigint generated always as identity)")
        with _as_csv(out / FILES[feed]) as stream:
            copy = f"copy landing.{feed} ({', '.join(COLUMNS[feed])}) from stdin with (format csv, header)"
            database.execute(copy, stream=stream)
        database.execute(f"create index on landing.{feed} (n)", f"analyze landing.{feed}")
    history = History(database, records)
    history.land_everything()
    return history


def _edition() -> str:
    """Which edition of the code makes the samples."""
    makers = (Path(str(feeds.__file__)), Path(str(samples.make.__file__)))
    return hashlib.sha256(b"".join(maker.read_bytes() for maker in makers)).hexdigest()[:12]


def _as_csv(file: Path) -> TextIO:
    if file.suffix == ".csv":
        return file.open(encoding="utf-8", newline="")
    text = io.StringIO(newline="")
    records = json.loads(file.read_text(encoding="utf-8"))
    writer = csv.DictWriter(text, records[0])
    writer.writeheader()
    writer.writerows(records)
    text.seek(0)
    return text
