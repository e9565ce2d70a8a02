"""What COPY reads of Parquet files."""

import io
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq

from localcloud.redshift.parquet_rows import Column, rows


def test_moments_of_any_year_are_read_as_they_were_written() -> None:
    moments = [datetime(1, 1, 1), datetime(1677, 1, 1), datetime(2024, 2, 29, 1, 2, 3), datetime(9999, 12, 31, 23, 59)]
    file = io.BytesIO()
    # As the pipeline writes them for Redshift.
    pq.write_table(pa.table({"at": pa.array(moments, pa.timestamp("us"))}), file, use_deprecated_int96_timestamps=True)
    file.seek(0)
    found = b"".join(rows(file, "s3://a/b", [Column("at", "timestamp without time zone")], ()))
    assert [datetime.fromisoformat(line.strip('"')) for line in found.decode().splitlines()] == moments
