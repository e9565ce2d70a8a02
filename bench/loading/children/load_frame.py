"""awswrangler's way: the CSV as a pandas frame of text, inserted 3,000 rows at a time, committed at the end."""

import sys

import awswrangler
import pandas

from bench.loading.children.session import connect

CHUNK_ROWS = 3_000

if __name__ == "__main__":
    frame = pandas.read_csv(sys.argv[1], dtype=str, keep_default_na=False)
    frame.columns = frame.columns.str.lower()
    awswrangler.postgresql.to_sql(
        frame, connect(), "plain", "bench", mode="append", use_column_names=True, chunksize=CHUNK_ROWS
    )
