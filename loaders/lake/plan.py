"""What of the marts changed since it was published, exported from RDS to `work/lake/` for Spark to write."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from loaders.database import Connection, Cursor, transaction
from loaders.errors import TerminalError
from loaders.lake.marts import MARTS, TYPES, LakeMart
from loaders.lake.published import LAKE, read_published, remove_replaced
from loaders.tables import quoted

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

WORK = "work/lake/"
PLAN = "plan.json"


class Planned(msgspec.Struct, frozen=True):
    """A partition to be written: how many rows it has, and their fingerprint."""

    rows: int
    fingerprint: str


class MartPlan(msgspec.Struct, frozen=True):
    """What is to be done about a mart. `columns` are those of its files, with their types; `target` a prefix.

    `partitions` are to be written anew, `gone` no longer have any rows.
    """

    name: str
    partition: str
    sort: tuple[str, ...]
    columns: dict[str, str]
    target: str
    partitions: dict[str, Planned]
    gone: list[str]


class Plan(msgspec.Struct, frozen=True):
    """What is to be published."""

    marts: list[MartPlan]


@dataclass(frozen=True)
class Planner:
    """What planning needs: the database with the marts, and the bucket with the lake."""

    connection: Connection
    s3: S3Client
    bucket: str

    def plan(self) -> str | None:
        """Exports what changed and writes the plan; returns the prefix of both, null when nothing changed.

        Files that were replaced a day ago are removed first. All marts are those of one moment.
        """
        for mart in MARTS:
            remove_replaced(self.s3, self.bucket, mart.name, datetime.now(UTC))
        prefix = f"{WORK}{uuid.uuid4().hex}/"
        with transaction(self.connection) as cursor:
            cursor.execute("set transaction isolation level repeatable read")
            # Before the moment that is read: a table that takes the place of a mart after it would be found empty.
            names = ", ".join(f"marts.{quoted(mart.name)}" for mart in MARTS)
            cursor.execute(f"lock table {names} in access share mode")
            found = [self._mart(cursor, mart, prefix) for mart in MARTS]
        plans = [one for one in found if one.partitions or one.gone]
        if not plans:
            return None
        body = msgspec.json.encode(Plan(plans))
        self.s3.put_object(Bucket=self.bucket, Key=f"{prefix}{PLAN}", Body=body)
        return prefix

    def _mart(self, cursor: Cursor, mart: LakeMart, prefix: str) -> MartPlan:
        columns = _columns(cursor, mart)
        published = read_published(self.s3, self.bucket, mart.name).partitions
        current = _fingerprints(cursor, mart, columns)
        known = {value: partition.fingerprint for value, partition in published.items()}
        changed = {value: one for value, one in current.items() if known.get(value) != one.fingerprint}
        if changed:
            self._export(cursor, mart, columns, list(changed), f"{prefix}{mart.name}")
        return MartPlan(
            name=mart.name,
            partition=mart.partition,
            sort=mart.sort,
            columns=columns,
            target=f"{LAKE}{mart.name}/{prefix.removeprefix(WORK)}",
            partitions=changed,
            gone=sorted(published.keys() - current.keys()),
        )

    def _export(
        self, cursor: Cursor, mart: LakeMart, columns: Mapping[str, str], partitions: list[str], prefix: str
    ) -> None:
        """The rows of some partitions as Parquet, every value as text: Spark gives them their types."""
        # Imported here, as in other places that few invocations come to: pyarrow is most of a start.
        from loaders.load.parquet_objects import ParquetObjects

        names = [*columns, mart.partition]
        objects = ParquetObjects(self.s3, self.bucket, prefix, dict.fromkeys(names, "text"))
        texts = ", ".join(f"cast({quoted(name)} as text)" for name in columns)
        cursor.execute("create temporary table lake_partitions (value text) on commit drop")
        cursor.execute("insert into lake_partitions select unnest(cast(%s as text[]))", (partitions,))
        cursor.execute(
            f"copy (select {texts}, {mart.partition_value} from marts.{quoted(mart.name)} "
            f"where {mart.partition_value} in (select value from lake_partitions)) to stdout with (format csv)",
            stream=objects,
        )
        objects.finish()
        cursor.execute("drop table lake_partitions")


def _columns(cursor: Cursor, mart: LakeMart) -> dict[str, str]:
    """The columns of the mart's files and their types in the lake. Raises TerminalError for a type that has none."""
    cursor.execute(
        "select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns "
        "where table_schema = 'marts' and table_name = %s order by ordinal_position",
        (mart.name,),
    )
    columns = {}
    for name, kind, precision, scale in cursor.fetchall():
        has_scale = kind == "numeric" and precision is not None
        if not has_scale and kind not in TYPES:
            raise TerminalError(
                f"column {name} of mart {mart.name} is {kind}, which the lake has no type for",
                remedy="give it one in loaders/lake/marts.py, or another type in the model",
            )
        columns[str(name)] = f"decimal({precision},{scale})" if has_scale else TYPES[kind]
    columns.pop(mart.partition, None)
    return columns


def _fingerprints(cursor: Cursor, mart: LakeMart, columns: Mapping[str, str]) -> dict[str, Planned]:
    """Each partition with its rows, and a sum over hashes of them, which is the same in whatever order they come."""
    shape = hashlib.sha256(repr((sorted(columns.items()), mart)).encode()).hexdigest()[:16]
    cursor.execute(
        f"select {mart.partition_value}, count(*), sum(cast(hashtextextended(cast(mart as text), 0) as numeric)) "
        f"from marts.{quoted(mart.name)} as mart group by 1"
    )
    return {str(value): Planned(int(rows), f"{shape}:{rows}:{total}") for value, rows, total in cursor.fetchall()}
