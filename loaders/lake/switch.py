"""Switches the Glue Data Catalog to what Spark has written: each partition at once, and only when it is complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from loaders.database import classified
from loaders.errors import TerminalError, TransientError
from loaders.lake.plan import PLAN, MartPlan, Plan
from loaders.lake.published import LAKE, Partition, Published, Replaced, read_published, write_published
from loaders.storage import keys_under, remove_under

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BATCH = 100
"""Partitions that one call of the catalog takes."""


@dataclass(frozen=True)
class Switcher:
    """What switching needs: the bucket, a Glue client, and the catalog's database."""

    s3: S3Client
    glue: Any
    bucket: str
    database: str

    def switch(self, prefix: str) -> dict[str, int]:
        """Does what the plan under a prefix says, and removes what lies there; returns partitions switched, by mart.

        Doing it again changes nothing. Raises TerminalError where a partition was not written.
        """
        with classified(f"s3://{self.bucket}/{prefix}"):
            body = self.s3.get_object(Bucket=self.bucket, Key=f"{prefix}{PLAN}")["Body"].read()
        plan = msgspec.json.decode(body, type=Plan)
        switched = {mart.name: self._mart(mart) for mart in plan.marts}
        remove_under(self.s3, self.bucket, prefix)
        return switched

    def _mart(self, mart: MartPlan) -> int:
        written = self._written(mart)
        if missing := sorted(mart.partitions.keys() - written.keys()):
            raise TerminalError(
                f"{mart.name}: nothing was written of {', '.join(missing)}", remedy="see the log of the publish job"
            )
        with classified(f"the catalog's table {self.database}.{mart.name}"):
            self._ensure_table(mart)
            before = self._places(mart)
            self._point(mart, {value: written[value] for value in mart.partitions})
            self._forget(mart, before)
            after = set(self._places(mart).values())
        published = self._record(mart, written, set(before.values()) - after, after)
        self._remove_strays(mart, {*after, *(one.prefix for one in published.replaced)})
        return len(mart.partitions) + len(mart.gone)

    def _record(self, mart: MartPlan, written: Mapping[str, str], replaced: set[str], current: set[str]) -> Published:
        """Writes down what is published now, and what was replaced.

        That the catalog tells, and the last record: a switch that was killed has changed the catalog alone.
        """
        before, now = read_published(self.s3, self.bucket, mart.name), datetime.now(UTC)
        new = {value: Partition(one.fingerprint, one.rows, written[value]) for value, one in mart.partitions.items()}
        kept = {value: one for value, one in before.partitions.items() if value not in mart.gone}
        replaced |= {one.prefix for one in before.partitions.values()} - current
        replaced -= {one.prefix for one in before.replaced}
        published = Published({**kept, **new}, [*before.replaced, *(Replaced(one, now) for one in sorted(replaced))])
        write_published(self.s3, self.bucket, mart.name, published)
        return published

    def _remove_strays(self, mart: MartPlan, known: Iterable[str]) -> None:
        """Removes what a job wrote that never came to be published; no other run is under way."""
        places = tuple(known)
        keys = keys_under(self.s3, self.bucket, f"{LAKE}{mart.name}/")
        for prefix in {key.rpartition("/")[0] + "/" for key in keys if not key.startswith(places)}:
            remove_under(self.s3, self.bucket, prefix)

    def _places(self, mart: MartPlan) -> dict[str, str]:
        """The prefix at which the catalog points for each partition, by its value."""
        locations = {value: storage["Location"] for value, storage in self._partitions(mart).items()}
        bucket = f"s3://{self.bucket}/"
        return {value: location.removeprefix(bucket).rstrip("/") + "/" for value, location in locations.items()}

    def _written(self, mart: MartPlan) -> dict[str, str]:
        """The prefix of each partition that the job wrote, by its value."""
        keys = keys_under(self.s3, self.bucket, mart.target)
        directories = {key.removeprefix(mart.target).partition("/")[0] for key in keys if key.endswith(".parquet")}
        return {unquote(one.partition("=")[2]): f"{mart.target}{one}/" for one in directories}

    def _ensure_table(self, mart: MartPlan) -> None:
        # Imported here: it brings pandas.
        import awswrangler

        if not awswrangler.catalog.does_table_exist(self.database, mart.name):
            awswrangler.catalog.create_parquet_table(
                database=self.database,
                table=mart.name,
                path=f"s3://{self.bucket}/{LAKE}{mart.name}/",
                columns_types=mart.columns,
                partitions_types={mart.partition: "string"},
                description=f"marts.{mart.name}, published after each build",
            )
        elif awswrangler.catalog.get_table_types(self.database, mart.name) != _all_columns(mart):
            self._change_columns(mart)

    def _change_columns(self, mart: MartPlan) -> None:
        table = self.glue.get_table(DatabaseName=self.database, Name=mart.name)["Table"]
        kept = ("Name", "Description", "PartitionKeys", "TableType", "Parameters", "StorageDescriptor")
        changed = {name: table[name] for name in kept if name in table}
        changed["StorageDescriptor"] = {**table["StorageDescriptor"], "Columns": _catalog_columns(mart)}
        self.glue.update_table(DatabaseName=self.database, TableInput=changed)

    def _point(self, mart: MartPlan, places: Mapping[str, str]) -> None:
        """Gives each partition its new location: added where it is new, replaced in one step where it is not."""
        import awswrangler

        known = self._partitions(mart)
        new = {f"s3://{self.bucket}/{place}": [value] for value, place in places.items() if value not in known}
        if new:
            awswrangler.catalog.add_parquet_partitions(
                database=self.database, table=mart.name, partitions_values=new, columns_types=mart.columns
            )
        for values in _batches([value for value in places if value in known]):
            entries = []
            for value in values:
                storage = {**known[value], "Location": f"s3://{self.bucket}/{places[value]}"}
                storage["Columns"] = _catalog_columns(mart)
                described = {"Values": [value], "StorageDescriptor": storage}
                entries.append({"PartitionValueList": [value], "PartitionInput": described})
            answer = self.glue.batch_update_partition(DatabaseName=self.database, TableName=mart.name, Entries=entries)
            _require_switched(mart, answer.get("Errors", []))

    def _forget(self, mart: MartPlan, known: Mapping[str, str]) -> None:
        for value in mart.gone:
            if value in known:
                self.glue.delete_partition(DatabaseName=self.database, TableName=mart.name, PartitionValues=[value])

    def _partitions(self, mart: MartPlan) -> dict[str, dict[str, Any]]:
        """The storage of each partition that the catalog has, by its value."""
        pages = self.glue.get_paginator("get_partitions").paginate(DatabaseName=self.database, TableName=mart.name)
        return {one["Values"][0]: one["StorageDescriptor"] for page in pages for one in page["Partitions"]}


def _require_switched(mart: MartPlan, errors: Iterable[Mapping[str, Any]]) -> None:
    """Raises TransientError for partitions that the catalog left as they were: it says so in an answer like others."""
    left = [f"{one['PartitionValueList'][0]} ({one['ErrorDetail']['ErrorCode']})" for one in errors]
    if left:
        raise TransientError(
            f"{mart.name}: the catalog did not switch {', '.join(left)}", remedy="try again: what is switched stays so"
        )


def _all_columns(mart: MartPlan) -> dict[str, str]:
    return {**mart.columns, mart.partition: "string"}


def _catalog_columns(mart: MartPlan) -> list[dict[str, str]]:
    return [{"Name": name, "Type": kind} for name, kind in mart.columns.items()]


def _batches(values: list[str]) -> Iterable[list[str]]:
    return (values[start : start + BATCH] for start in range(0, len(values), BATCH))
