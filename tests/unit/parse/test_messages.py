"""What a message says of a file may be told to anybody, but for what it quotes, which is marked."""

import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loaders.errors import without_excerpts
from tests.unit.parse.support import outcome

NAME = "Ada Lovelace"


def parquet(**columns: pa.Array) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def locked_zip() -> bytes:
    """An archive that wants a password, whose member has a name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(f"{NAME}.csv", "Id\n1\n")
    data = bytearray(file.getvalue())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    return bytes(data)


FILES = {
    "a name twice": ("things.jsonl", f'{{"Id": 1, "{NAME}": 2, "{NAME}": 3}}'.encode()),
    "a long value": ("things.csv", f"Id,{NAME}\n1,{'x' * 70_000}\n".encode()),
    "a NUL": ("things.parquet", parquet(id=["1"], **{NAME: ["\0"]})),
    "a nested column": ("things.parquet", parquet(id=["1"], **{NAME: [{NAME: 1}]})),
    "a locked archive": ("things.zip", locked_zip()),
}


@pytest.mark.parametrize(("name", "data"), FILES.values(), ids=FILES)
def test_names_that_stand_in_a_file_are_marked_where_a_message_quotes_them(name: str, data: bytes) -> None:
    found = outcome(data, name)
    (message,) = [found.error] if found.error else [reject.message for reject in found.rejects]
    assert NAME in message
    assert NAME not in without_excerpts(message)
