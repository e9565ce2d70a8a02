"""The connection to the embedded PostgreSQL behind one client: logging in, and statements of the harness's own."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterator
from hashlib import md5

from scramp import ScramClient, ScramException

from localcloud import ports
from localcloud.redshift import wire
from localcloud.redshift.wire import Channel, Message, ServerError, encode, text

# What the session takes over from Redshift: backslashes escape in ordinary strings, transactions are serializable.
SETTINGS = {
    # Locally `xtage` acts as the master user of RDS, who is nobody in this database.
    "role": "none",
    "standard_conforming_strings": "off",
    "escape_string_warning": "off",
    "default_transaction_isolation": "serializable",
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "timezone": "UTC",
}
_ABORT = "do 'begin raise exception using message = ''refused by the Redshift harness''; end'"


class Backend(Channel):
    """A logged-in session; `status` is b"I" when idle, b"T" in a transaction, b"E" in one that has failed."""

    status = b"I"

    @classmethod
    async def connect(cls, port: int) -> Backend:
        reader, writer = await asyncio.open_connection(ports.HOST, port)
        return cls(reader, writer)

    async def log_in(self, user: str, password: str, database: str, application: str) -> list[Message]:
        """Logs in and gives what the server says of itself. Raises ServerError when it refuses."""
        named = {"user": user, "database": database, "application_name": application}
        await self.send(wire.startup(named | SETTINGS))
        client = ScramClient(["SCRAM-SHA-256"], user, password)
        told = []
        while True:
            message = await self.read()
            if message.kind == b"E":
                raise ServerError.of(message.body)
            if message.kind == b"R":
                await self._authenticate(client, user, password, message.body)
                continue
            told.append(message)
            if message.kind == b"Z":
                return told

    async def _authenticate(self, client: ScramClient, user: str, password: str, body: bytes) -> None:
        (step,) = struct.unpack_from("!i", body)
        try:
            if step == 5:
                kept = md5(f"{password}{user}".encode()).hexdigest()
                await self.send(encode(b"p", text(f"md5{md5(kept.encode() + body[4:8]).hexdigest()}")))
            elif step == 10:
                first = client.get_client_first().encode()
                await self.send(encode(b"p", text("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first))
            elif step == 11:
                client.set_server_first(body[4:].decode())
                await self.send(encode(b"p", client.get_client_final().encode()))
            elif step == 12:
                client.set_server_final(body[4:].decode())
        except ScramException as error:
            raise ServerError({"C": "28P01", "M": f"password authentication failed: {error}"}) from error

    async def run(self, sql: str) -> list[list[str | None]]:
        """Runs a statement of the harness's own in the client's transaction and gives its rows.

        Raises ServerError when PostgreSQL refuses it; a transaction under way is then aborted.
        """
        await self.send(wire.query(sql))
        return [
            [None if value is None else value.decode() for value in wire.values_of(message.body)]
            async for message in self._until_ready()
            if message.kind == b"D"
        ]

    async def describe(self, sql: str) -> list[wire.Column]:
        """The columns that a query gives."""
        parse = encode(b"P", b"\0" + text(sql) + struct.pack("!h", 0))
        await self.send(parse + encode(b"D", b"S\0") + encode(b"S"))
        columns: list[wire.Column] = []
        async for message in self._until_ready():
            if message.kind == b"T":
                columns = list(wire.columns_of(message.body))
        return columns

    async def copy_in(self, sql: str, blocks: Iterator[bytes]) -> int:
        """Feeds a COPY FROM STDIN and gives how many rows it took.

        `blocks` is read in a thread; what it raises is raised here.
        """
        await self.send(wire.query(sql))
        answer = await self.read()
        while answer.kind not in (b"G", b"E"):
            answer = await self.read()
        failure = await self._feed(blocks) if answer.kind == b"G" else None
        rows = 0
        try:
            async for message in self._until_ready(answer if answer.kind == b"E" else None):
                if message.kind == b"C":
                    rows = int(message.body[:-1].split()[-1])
        except ServerError:
            if failure is None:
                raise
        if failure is not None:
            raise failure
        return rows

    async def _feed(self, blocks: Iterator[bytes]) -> Exception | None:
        try:
            while (block := await asyncio.to_thread(next, blocks, None)) is not None:
                await self.send(encode(b"d", block))
        except Exception as error:
            await self.send(encode(b"f", text("refused by the Redshift harness")))
            return error
        await self.send(encode(b"c"))
        return None

    async def copy_out(self, sql: str) -> AsyncIterator[bytes]:
        """What a COPY TO STDOUT gives, row by row."""
        await self.send(wire.query(sql))
        async for message in self._until_ready():
            if message.kind == b"d":
                yield message.body

    async def abort(self) -> None:
        """Puts a transaction under way into the state in which it takes no more statements."""
        await self.send(wire.query(_ABORT))
        try:
            async for _ in self._until_ready():
                pass
        except ServerError:
            return

    async def _until_ready(self, first: Message | None = None) -> AsyncIterator[Message]:
        error: ServerError | None = ServerError.of(first.body) if first else None
        while True:
            message = await self.read()
            if message.kind == b"Z":
                self.status = message.body
                break
            if message.kind == b"E":
                error = ServerError.of(message.body)
            else:
                yield message
        if error is not None:
            raise error
