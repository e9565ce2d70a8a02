"""Messages of the PostgreSQL protocol, version 3, which Redshift speaks: framing and the few that are made here.

https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator, Mapping
from typing import NamedTuple

PROTOCOL = 196608
SSL_REQUEST = 80877103
GSS_REQUEST = 80877104
CANCEL_REQUEST = 80877102

# What a statement, a row or a startup packet may weigh: Redshift allows statements of 16 MB.
STARTUP_BYTES = 10_000
MESSAGE_BYTES = 1 << 30
CHUNK = 1 << 16


class Message(NamedTuple):
    """One message: its letter and what follows its length."""

    kind: bytes
    body: bytes


class ServerError(Exception):
    """A refusal that the client gets as an ErrorResponse; `fields` by their letters (C code, M message, H hint...).

    `relayed` says that it has got it already.
    """

    relayed = False

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(fields.get("M", ""))
        self.fields = {"S": "ERROR", "C": "XX000", **fields}

    @classmethod
    def of(cls, body: bytes) -> ServerError:
        """From the body of an ErrorResponse."""
        parts = [part for part in body.split(b"\0") if part]
        return cls({part[:1].decode(): part[1:].decode("utf-8", "replace") for part in parts})

    def encode(self) -> bytes:
        """The ErrorResponse."""
        fields = b"".join(f"{letter}{value}".encode() + b"\0" for letter, value in self.fields.items())
        return encode(b"E", fields + b"\0")


class Channel:
    """One side of a connection: whole messages in, bytes out."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._buffer = bytearray()
        self._place = 0
        self._waiting = bytearray()

    async def read(self) -> Message:
        """The next message. Raises EOFError at the end, and ConnectionError."""
        header = await self._take(5)
        length = int.from_bytes(header[1:], "big") - 4
        if not 0 <= length <= MESSAGE_BYTES:
            raise ConnectionError(f"a message of {length} bytes")
        return Message(header[:1], await self._take(length) if length else b"")

    async def read_startup(self) -> bytes:
        """The body of a startup packet, which has no letter: its code and what follows."""
        length = int.from_bytes(await self._take(4), "big") - 4
        if not 4 <= length <= STARTUP_BYTES:
            raise ConnectionError(f"a startup packet of {length} bytes")
        return await self._take(length)

    def more_of(self, kind: bytes) -> bytes:
        """As they came, the whole messages of one kind that are here already and come next: rows, mostly."""
        start, place = self._place, self._place
        while self._buffer[place : place + 1] == kind and place + 5 <= len(self._buffer):
            end = place + 1 + int.from_bytes(self._buffer[place + 1 : place + 5], "big")
            if end > len(self._buffer):
                break
            place = end
        self._place = place
        return bytes(self._buffer[start:place])

    async def _take(self, count: int) -> bytes:
        while len(self._buffer) - self._place < count:
            chunk = await self._reader.read(CHUNK)
            if not chunk:
                raise EOFError
            if self._place:
                del self._buffer[: self._place]
                self._place = 0
            self._buffer += chunk
        start, self._place = self._place, self._place + count
        return bytes(self._buffer[start : self._place])

    def write(self, data: bytes) -> None:
        """Keeps for the next `send`: many small messages are one write."""
        self._waiting += data

    @property
    def is_full(self) -> bool:
        """Whether so much is kept that it should be sent."""
        return len(self._waiting) >= CHUNK

    async def send(self, data: bytes = b"") -> None:
        """Sends what was kept, and waits while the other side is slower than this one."""
        self._waiting += data
        if self._waiting:
            self._writer.write(bytes(self._waiting))
            self._waiting.clear()
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        try:
            # The other side may be one that does not answer any more.
            await asyncio.wait_for(self._writer.wait_closed(), 0.5)
        except (OSError, TimeoutError):
            self._writer.transport.abort()


def encode(kind: bytes, body: bytes = b"") -> bytes:
    """A message as bytes."""
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value: str) -> bytes:
    """A string as the protocol has them."""
    return value.encode() + b"\0"


def query(sql: str) -> bytes:
    return encode(b"Q", text(sql))


def startup(parameters: Mapping[str, str]) -> bytes:
    """A startup packet with these parameters."""
    pairs = b"".join(text(name) + text(value) for name, value in parameters.items())
    return struct.pack("!ii", len(pairs) + 9, PROTOCOL) + pairs + b"\0"


def parameters_of(body: bytes) -> dict[str, str]:
    """The parameters in a startup packet, whose body begins with the protocol's version."""
    words = [word.decode("utf-8", "replace") for word in body[4:].split(b"\0")]
    return dict(zip(words[:-1:2], words[1::2], strict=False))


def values_of(row: bytes) -> Iterator[bytes | None]:
    """The values of a DataRow."""
    place = 2
    for _ in range(struct.unpack_from("!h", row)[0]):
        (length,) = struct.unpack_from("!i", row, place)
        place += 4
        yield None if length < 0 else row[place : place + length]
        place += max(length, 0)


class Column(NamedTuple):
    """A column of a RowDescription: its name, and its type's oid and modifier."""

    name: str
    oid: int
    modifier: int


def columns_of(description: bytes) -> Iterator[Column]:
    """The columns of a RowDescription."""
    place = 2
    for _ in range(struct.unpack_from("!h", description)[0]):
        end = description.index(b"\0", place)
        _table, _number, oid, _size, modifier, _form = struct.unpack_from("!ihihih", description, end + 1)
        yield Column(description[place:end].decode(), oid, modifier)
        place = end + 19


def with_types(description: bytes, replaced: Mapping[int, int]) -> bytes:
    """A RowDescription with other oids in place of some types'."""
    changed = bytearray(description)
    place = 2
    for _ in range(struct.unpack_from("!h", description)[0]):
        oid_place = description.index(b"\0", place) + 7
        (oid,) = struct.unpack_from("!i", description, oid_place)
        struct.pack_into("!i", changed, oid_place, replaced.get(oid, oid))
        place = oid_place + 12
    return bytes(changed)
