"""What awswrangler does with Redshift, of which the loader takes one part."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import Any

import awswrangler
import pandas as pd
import pytest

from tests.redshift.endpoint import Endpoint, variables

COLUMNS = ("id", "name", "amount", "on_day", "is_valid")
ROWS = [
    (1, 'é, "quoted"', Decimal("1.50"), date(2024, 2, 29), True),
    (2, None, None, None, None),
    (3, "", Decimal("-0.01"), date(1999, 12, 31), False),
]


def frame_of(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"id": "Int64", "name": "string", "is_valid": "boolean"})


def rows_of(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    """The rows by id, null as None."""
    records = frame.sort_values("id").itertuples(index=False, name=None)
    return [tuple(None if pd.isna(value) else value for value in record) for record in records]


@pytest.fixture
def driver(endpoint: Endpoint) -> Iterator[Any]:
    """A connection as awswrangler takes it, while its own clients find S3 by the environment."""
    with variables(endpoint.s3_environment), closing(endpoint.connect()) as made:
        yield made


def copy(endpoint: Endpoint, driver: Any, rows: list[tuple[Any, ...]], schema: str, prefix: str, **how: Any) -> None:
    awswrangler.redshift.copy(
        df=frame_of(rows),
        path=f"s3://{endpoint.bucket}/{prefix}in/",
        con=driver,
        schema=schema,
        table="wrangled",
        iam_role=endpoint.role,
        **how,
    )


def unload(endpoint: Endpoint, driver: Any, schema: str, prefix: str) -> list[tuple[Any, ...]]:
    frame = awswrangler.redshift.unload(
        sql=f"select {', '.join(COLUMNS)} from {schema}.wrangled",
        path=f"s3://{endpoint.bucket}/{prefix}out/",
        con=driver,
        iam_role=endpoint.role,
        keep_files=False,
    )
    return rows_of(frame)


def test_a_frame_is_copied_and_unloaded_as_it_was(endpoint: Endpoint, driver: Any, schema: str, prefix: str) -> None:
    copy(endpoint, driver, ROWS, schema, prefix, mode="overwrite")
    assert unload(endpoint, driver, schema, prefix) == ROWS


def test_rows_are_replaced_by_key(endpoint: Endpoint, driver: Any, schema: str, prefix: str) -> None:
    copy(endpoint, driver, ROWS, schema, prefix, mode="overwrite", primary_keys=["id"])
    later = [(2, "now known", Decimal("7.00"), date(2024, 1, 1), True), (4, "new", None, None, None)]
    copy(endpoint, driver, later, schema, prefix, mode="upsert", primary_keys=["id"])
    assert unload(endpoint, driver, schema, prefix) == [ROWS[0], later[0], ROWS[2], later[1]]
