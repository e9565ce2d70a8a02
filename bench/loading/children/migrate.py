"""Makes the tables of the contracts in a directory, by the loader's own migration, in the database of BENCH_DSN."""

import sys
from pathlib import Path

from bench.loading.children.session import connect
from loaders.contract import load_contracts
from loaders.migrate import migrate

if __name__ == "__main__":
    migrate(connect(), load_contracts(Path(sys.argv[1])))
