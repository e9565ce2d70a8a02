"""Makes the benchmark files: of known counts, once per directory, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.loading import records
from bench.loading.records import HEADER, blocks, sales

BAD_EVERY = 1_000
"""0.1 % of the records of a dirty file are bad."""
REJECT_EVERY = 2
"""In the file of many rejects every second record is bad."""

BAD_CSV_LINES = (
    b"{n},2024-01-01,too,few,fields\n",
    b"{n},2024-01-01,1,2,Ada Okafor,1001,Desk lamp,Lighting,1,1.00,1.00,USD,,one,field,too,many\n",
    b"{n},2024-01-01,1,2,not \xff UTF-8,1001,Desk lamp,Lighting,1,1.00,1.00,USD,\n",
    b"{n},2024-01-01,1,2,a \x00 NUL,1001,Desk lamp,Lighting,1,1.00,1.00,USD,\n",
    b'{n},2024-01-01,1,2,"broken "quoting",1001,Desk lamp,Lighting,1,1.00,1.00,USD,\n',
)
"""Bad records of one line each, `{n}` for the record's number; a file has them in turn."""
BAD_JSON_LINES = (
    b'{"Order_ID": {n}, "Order_Date": "cut off\n',
    b'{"Order_ID": {n}, "Unit_Price": NaN}\n',
    b'{"Order_ID": {n}, "Remark": "a NUL \\u0000"}\n',
    b'{"Order_ID": {n}, "Order_ID": {n}}\n',
    b"[{n}]\n",
)


@dataclass(frozen=True)
class BenchFile:
    """A file and what a correct loader finds in it. `rows` counts all records, `rejects` the bad ones among them."""

    path: Path
    rows: int
    rejects: int = 0

    @property
    def landed(self) -> int:
        """How many records belong in the raw table."""
        return self.rows - self.rejects


def cache(directory: Path) -> Path:
    """Where the files stay for the next time: in `directory`, apart for each edition of the code that makes them."""
    makers = (Path(records.__file__), Path(__file__))
    edition = hashlib.sha256(b"".join(maker.read_bytes() for maker in makers)).hexdigest()[:12]
    for other in directory.glob("files-*"):
        if other.name != f"files-{edition}":
            shutil.rmtree(other)
    return directory / f"files-{edition}"


def csv_file(directory: Path, rows: int) -> BenchFile:
    """The clean CSV that the yardsticks load too: a header line and `rows` records."""
    return _made(directory / f"bench_sales_{rows}.csv", lambda: _csv(rows), rows)


def dirty_csv_file(directory: Path, rows: int, every: int = BAD_EVERY) -> BenchFile:
    """The same CSV with every so manieth record replaced by a bad one."""
    path = directory / f"bench_sales_{rows}_bad_{every}.csv"
    return _made(path, lambda: _with_bad(_csv_lines(rows), BAD_CSV_LINES, every, f"{HEADER}\n"), rows, rows // every)


def json_lines_file(directory: Path, rows: int) -> BenchFile:
    """The same records, one JSON object per line."""
    return _made(directory / f"bench_sales_{rows}.jsonl", lambda: _joined(_objects(rows)), rows)


def dirty_json_lines_file(directory: Path, rows: int, every: int = BAD_EVERY) -> BenchFile:
    """The same JSON Lines with every so manieth record replaced by a bad one."""
    path = directory / f"bench_sales_{rows}_bad_{every}.jsonl"
    return _made(path, lambda: _with_bad(_objects(rows), BAD_JSON_LINES, every, ""), rows, rows // every)


def json_array_file(directory: Path, rows: int) -> BenchFile:
    """The same records as one array of flat objects."""
    return _made(directory / f"bench_sales_{rows}.json", lambda: _array(_objects(rows)), rows)


def nested_json_file(directory: Path, rows: int) -> BenchFile:
    """One array of objects, two of whose values are an object and a list."""
    return _made(directory / f"bench_sales_{rows}_nested.json", lambda: _array(_objects(rows, nested=True)), rows)


def endless_line_file(directory: Path, size: int, header: bool) -> BenchFile:
    """`size` bytes without a line end: the whole file, or (with `header`) its only record, which is then rejected."""
    path = directory / f"bench_sales_{'one_record' if header else 'no_newline'}_{size}.csv"
    start = [f"{HEADER}\n".encode()] if header else []
    return _made(path, lambda: iter([*start, *_repeated(b"x", size)]), int(header), int(header))


def _repeated(byte: bytes, size: int) -> Iterator[bytes]:
    block = byte * (1 << 20)
    for _ in range(size // len(block)):
        yield block
    yield block[: size % len(block)]


def _csv(rows: int) -> Iterator[bytes]:
    yield f"{HEADER}\n".encode()
    yield from _joined(_csv_lines(rows))


def _csv_lines(rows: int) -> Iterator[list[str]]:
    return blocks([sale.as_csv() for sale in sales()], rows)


def _objects(rows: int, nested: bool = False) -> Iterator[list[str]]:
    texts = [sale.as_nested_json() if nested else sale.as_json() for sale in sales()]
    return blocks([f", {text}}}\n" for text in texts], rows, start='{"Order_ID": ')


def _joined(lists: Iterator[list[str]]) -> Iterator[bytes]:
    for block in lists:
        yield "".join(block).encode()


def _array(lists: Iterator[list[str]]) -> Iterator[bytes]:
    opening = b"[\n"
    for block in lists:
        yield opening + ",".join(block).encode()
        opening = b","
    yield b"]\n"


def _with_bad(lists: Iterator[list[str]], bad: tuple[bytes, ...], every: int, header: str) -> Iterator[bytes]:
    """The records as bytes; number `every`, twice `every`, ... is one of the bad ones, in turn."""
    yield header.encode()
    number = 0
    for block in lists:
        lines = []
        for record in block:
            number += 1
            replaced = number % every == 0
            line = bad[number // every % len(bad)] if replaced else record.encode()
            lines.append(line.replace(b"{n}", str(number).encode()) if replaced else line)
        yield b"".join(lines)


def _made(path: Path, content: Callable[[], Iterator[bytes]], rows: int, rejects: int = 0) -> BenchFile:
    """Writes the file beside its place and moves it there, unless it is there already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f"{path.suffix}.{os.getpid()}")
        with draft.open("wb") as file:
            for block in content():
                file.write(block)
        draft.rename(path)
    return BenchFile(path, rows, rejects)
