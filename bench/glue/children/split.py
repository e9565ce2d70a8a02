"""The loader's part before Spark: a nested file into parts. Arguments: FILE DIRECTORY."""

import json
import sys
from pathlib import Path

from loaders.contract import load_contracts
from loaders.nested.layout import layout_of
from loaders.nested.split import Parts
from loaders.parse import Lines, read_nested


def main() -> None:
    """Writes what the split writes, to a directory in place of S3."""
    file, directory = Path(sys.argv[1]), Path(sys.argv[2])
    (directory / "parts").mkdir(parents=True, exist_ok=True)
    orders = load_contracts()["orders"]

    def write(name: str, body: bytes) -> None:
        (directory / name).write_bytes(body)

    parts = Parts(write, "parts/part-{:05}.jsonl")
    with file.open("rb") as stream:
        for piece in read_nested(stream, file.name, orders):
            if isinstance(piece, Lines):
                parts.add(piece.payload)
    parts.close()
    (directory / "layout.json").write_text(json.dumps(layout_of(orders)))


if __name__ == "__main__":
    main()
