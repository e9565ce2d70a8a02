"""dlt's way, with its defaults: its own filesystem source and CSV reader into its own PostgreSQL destination.

Only the reader is told to keep every value as text, as the others do. Runs in the environment of `requirements.txt`.
Usage: load.py CSV_FILE WORKING_DIRECTORY, with the connection string in DESTINATION__POSTGRES__CREDENTIALS.
"""

import sys
from pathlib import Path

import dlt  # type: ignore[import-not-found]
from dlt.sources.filesystem import filesystem, read_csv  # type: ignore[import-not-found]

if __name__ == "__main__":
    file, directory = Path(sys.argv[1]), sys.argv[2]
    records = filesystem(bucket_url=file.parent.as_uri(), file_glob=file.name) | read_csv(
        dtype=str, keep_default_na=False
    )
    pipeline = dlt.pipeline("bench", pipelines_dir=directory, destination="postgres", dataset_name="dlt_sales")
    pipeline.run(records.with_name("bench_sales"))
