"""UNLOAD: the rows of a query into S3, as Parquet or CSV, in one file."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from collections.abc import Callable
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from localcloud.aws import Aws
from localcloud.redshift.backend import Backend
from localcloud.redshift.objects import Objects
from localcloud.redshift.rewrite import rewrite
from localcloud.redshift.tokens import Statement, statements
from localcloud.redshift.transfer_options import Transfer, read_unload
from localcloud.redshift.wire import Column, ServerError
from localcloud.settings import Settings

_TYPES: dict[int, Callable[[], Any]] = {
    16: pa.bool_,
    20: pa.int64,
    21: pa.int16,
    23: pa.int32,
    700: pa.float32,
    701: pa.float64,
    1082: pa.date32,
    1114: lambda: pa.timestamp("us"),
    1184: lambda: pa.timestamp("us", "UTC"),
}
_NUMERIC = 1700


class Unload:
    """Carries out UNLOAD statements."""

    def __init__(self, settings: Settings) -> None:
        self._endpoint = Aws(settings).endpoint

    async def __call__(self, backend: Backend, statement: Statement) -> str:
        unload = read_unload(statement)
        if unload.form not in ("parquet", "csv"):
            raise ServerError({"C": "0A000", "M": "the harness unloads PARQUET and CSV: name the FORMAT"})
        objects = Objects(self._endpoint, unload)
        await asyncio.to_thread(_make_room, objects, unload)
        query = rewrite(statements(unload.query)[0]).sql
        columns = await backend.describe(query)
        with tempfile.TemporaryFile() as rows:
            header = ", header" if unload.form == "csv" and "header" in unload.options else ""
            async for row in backend.copy_out(f"copy ({query}) to stdout with (format csv{header})"):
                rows.write(row)
            rows.seek(0)
            await asyncio.to_thread(_put, objects, unload, rows, columns)
        return "UNLOAD"


def _make_room(objects: Objects, unload: Transfer) -> None:
    """https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html#unload-parameters: ALLOWOVERWRITE, CLEANPATH"""
    there = objects.under(unload.key)
    if there and "cleanpath" in unload.options:
        objects.delete(there)
    elif there and "allowoverwrite" not in unload.options:
        message = "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
        message += "manually removing the target files in S3, or using the ALLOWOVERWRITE option."
        raise ServerError({"M": message})


def _put(objects: Objects, unload: Transfer, rows: IO[bytes], columns: list[Column]) -> None:
    parquet = unload.form == "parquet"
    key = f"{unload.key}0000_part_00{'.parquet' if parquet else ''}"
    body = _parquet(rows, columns) if parquet else rows.read()
    objects.put(key, body)
    if "manifest" in unload.options:
        entry = {"url": f"s3://{unload.bucket}/{key}", "meta": {"content_length": len(body)}}
        objects.put(f"{unload.key}manifest", json.dumps({"entries": [entry]}).encode())


def _parquet(rows: IO[bytes], columns: list[Column]) -> bytes:
    names = [str(number) for number in range(len(columns))]
    types = dict(zip(names, map(_type, columns), strict=True))
    if rows.read(1):
        rows.seek(0)
        convert = pa_csv.ConvertOptions(
            column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False,
            true_values=["t"], false_values=["f"],
        )  # fmt: skip
        parse = pa_csv.ParseOptions(newlines_in_values=True)
        table = pa_csv.read_csv(rows, pa_csv.ReadOptions(column_names=names), parse, convert)
    else:
        table = pa.table({name: pa.array([], kind) for name, kind in types.items()})
    written = io.BytesIO()
    pq.write_table(table.rename_columns([column.name for column in columns]), written)
    return written.getvalue()


def _type(column: Column) -> Any:
    if column.oid == _NUMERIC and column.modifier >= 4:
        return pa.decimal128((column.modifier - 4) >> 16, (column.modifier - 4) & 0xFFFF)
    if column.oid == _NUMERIC:
        return pa.decimal128(38, 18)
    made = _TYPES.get(column.oid)
    return made() if made else pa.string()
