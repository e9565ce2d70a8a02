"""One client: its login, and its messages one after the other, forwarded, rewritten, refused or answered here."""

from __future__ import annotations

import asyncio
import struct
from dataclasses import dataclass
from typing import Protocol

from localcloud.redshift import catalog, wire
from localcloud.redshift.backend import Backend
from localcloud.redshift.dialect import refusals
from localcloud.redshift.rewrite import Rewritten, rewrite
from localcloud.redshift.statement_log import StatementLog
from localcloud.redshift.tokens import Statement, UnreadableSqlError, statements
from localcloud.redshift.wire import Channel, Message, ServerError, encode, text

FLUSH = encode(b"H")
# jsonb is what SUPER is kept as.
REPLACED_TYPES = {3802: 4000}
STATEMENT_BYTES = 16 << 20
LONG = 100_000
SERVER_VERSION = "8.0.2"
# After these letters nothing more comes for the message that was forwarded.
ENDINGS = {
    b"P": (b"1",),
    b"B": (b"2",),
    b"D": (b"T", b"n"),
    b"E": (b"C", b"I", b"s"),
    b"C": (b"3",),
}


class Action(Protocol):
    """What the harness does itself in place of a statement; gives the tag of the CommandComplete."""

    async def __call__(self, backend: Backend, statement: Statement) -> str: ...


class Actions(Protocol):
    """Says which statements the harness does itself."""

    def of(self, statement: Statement) -> Action | None: ...


@dataclass(frozen=True)
class Prepared:
    """A statement ready to run: what PostgreSQL gets, or what is done here in its place."""

    sql: str
    statement: Statement | None = None
    rewritten: Rewritten | None = None
    action: Action | None = None


class Session:
    """The conversation with a logged-in client."""

    def __init__(self, client: Channel, backend: Backend, log: StatementLog, actions: Actions) -> None:
        self._client, self._backend, self._log, self._actions = client, backend, log, actions
        self._statements: dict[bytes, Prepared] = {}
        self._portals: dict[bytes, Prepared] = {}
        self._failed = False
        # PostgreSQL takes no statement of the harness's own between a message and its Sync.
        self._unsynced = False
        self._made: list[Rewritten] = []
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue(64)

    async def serve(self) -> None:
        """Answers until the client leaves; a client that is gone takes its statement with it within a second."""
        work = asyncio.create_task(self._work())
        reading = asyncio.create_task(self._read())
        done, _ = await asyncio.wait({work, reading}, return_when=asyncio.FIRST_COMPLETED)
        if work not in done:
            await asyncio.wait({work}, timeout=1)
        for task in (work, reading):
            task.cancel()
        results = await asyncio.gather(work, reading, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, EOFError | ConnectionError):
                raise result

    async def _read(self) -> None:
        try:
            while True:
                await self._inbox.put(await self._client.read())
        except (EOFError, ConnectionError):
            await self._inbox.put(None)

    async def _work(self) -> None:
        while (message := await self._inbox.get()) is not None and message.kind != b"X":
            if self._failed and message.kind not in (b"S", b"Q"):
                continue
            try:
                await self._answer(message)
            except ServerError as error:
                await self._refuse(error, message)
            finally:
                # PostgreSQL's last words too, when it ends the session.
                await self._client.send()

    async def _answer(self, message: Message) -> None:
        if message.kind == b"Q":
            await self._simple(_decoded(message.body[:-1]))
        elif message.kind == b"P":
            await self._parse(message)
        elif message.kind == b"B":
            portal, _, rest = message.body.partition(b"\0")
            self._portals[portal] = self._statements.get(rest.partition(b"\0")[0], Prepared(""))
            await self._forward(message, self._portals[portal], encode(b"2"))
        elif message.kind == b"D":
            known = self._statements if message.body[:1] == b"S" else self._portals
            nothing = encode(b"t", struct.pack("!h", 0)) if message.body[:1] == b"S" else b""
            await self._forward(message, known.get(message.body[1:-1], Prepared("")), nothing + encode(b"n"))
        elif message.kind == b"E":
            prepared = self._portals.get(message.body.partition(b"\0")[0], Prepared(""))
            await self._execute(message, prepared)
        elif message.kind == b"C":
            (self._statements if message.body[:1] == b"S" else self._portals).pop(message.body[1:-1], None)
            await self._forward(message, None, b"")
        elif message.kind == b"S":
            await self._sync()
        elif message.kind != b"H":
            raise ServerError({"C": "0A000", "M": f"Redshift takes no message {message.kind.decode('latin-1')!r} here"})

    async def _simple(self, sql: str) -> None:
        """A simple query: every statement in it for itself, until one fails."""
        pieces = _pieces(sql)
        for piece in pieces or [sql]:
            prepared = await self._prepare(piece)
            if prepared.action:
                await self._act(prepared)
            else:
                self._backend.write(wire.query(prepared.sql))
                await self._relay((b"Z",))
                self._note(prepared)
                await self._remember()
        self._client.write(encode(b"Z", self._backend.status))

    async def _parse(self, message: Message) -> None:
        name, sql, types = message.body.split(b"\0", 2)
        prepared = await self._prepare(_decoded(sql))
        self._statements[name] = prepared
        parse = Message(b"P", name + b"\0" + text(prepared.sql) + types)
        await self._forward(parse, prepared, encode(b"1"))

    async def _prepare(self, sql: str) -> Prepared:
        """Refuses, rewrites or takes over a statement. Raises ServerError."""
        if len(sql.encode()) > STATEMENT_BYTES:
            raise ServerError({"C": "54001", "M": "a statement may have 16 MB: load many rows with COPY"})
        # Other sessions go on while a long one is read.
        return await asyncio.to_thread(self._read_statement, sql) if len(sql) > LONG else self._read_statement(sql)

    def _read_statement(self, sql: str) -> Prepared:
        try:
            found = refusals(sql)
            pieces = [] if found else statements(sql)
            rewritten = rewrite(pieces[0]) if len(pieces) == 1 else None
        except Exception as error:
            self._log.failed()
            raise ServerError({"C": "42601", "M": f"the harness cannot read this statement: {error!r}"}) from error
        if found:
            self._log.refused(sql, found[0].rule)
            told = {"C": found[0].sqlstate, "M": f"{found[0].message} [{found[0].rule}]", "R": found[0].rule}
            raise ServerError(told | {"P": str(found[0].position + 1)})
        if rewritten is None:
            return Prepared(sql)
        action = self._actions.of(pieces[0])
        self._log.taken(sql, ["done by the harness"] if action else rewritten.applied)
        return Prepared(rewritten.sql, pieces[0], rewritten, action)

    async def _forward(self, message: Message, prepared: Prepared | None, answer: bytes) -> None:
        """Sends a message on and the answers back; of what is done here, PostgreSQL hears nothing."""
        if prepared is not None and prepared.action:
            self._client.write(answer)
            return
        self._unsynced = True
        self._backend.write(encode(message.kind, message.body) + FLUSH)
        await self._relay(ENDINGS[message.kind])

    async def _execute(self, message: Message, prepared: Prepared) -> None:
        if prepared.action:
            await self._act(prepared)
            return
        await self._forward(message, None, b"")
        self._note(prepared)

    async def _sync(self) -> None:
        self._failed = self._unsynced = False
        self._backend.write(encode(b"S"))
        await self._relay((b"Z",))
        await self._remember()
        self._client.write(encode(b"Z", self._backend.status))

    async def _act(self, prepared: Prepared) -> None:
        assert prepared.action is not None
        assert prepared.statement is not None
        if self._backend.status == b"E":
            message = "current transaction is aborted, commands ignored until end of transaction block"
            raise ServerError({"C": "25P02", "M": message})
        await self._settle()
        try:
            tag = await prepared.action(self._backend, prepared.statement)
        except (ServerError, EOFError, ConnectionError):
            raise
        except Exception as error:
            self._log.failed()
            raise ServerError({"M": f"the harness failed: {error!r}; see its log"}) from error
        self._client.write(encode(b"C", text(tag)))

    async def _settle(self) -> None:
        """Ends what the client has begun with PostgreSQL, so that it takes statements of the harness's own."""
        if self._unsynced:
            self._unsynced = False
            self._backend.write(encode(b"S"))
            await self._relay((b"Z",))

    def _note(self, prepared: Prepared) -> None:
        if prepared.rewritten and (prepared.rewritten.keys or prepared.rewritten.filled):
            self._made.append(prepared.rewritten)

    async def _remember(self) -> None:
        """Keeps the keys of the tables that were made since, and what is in those that were filled; a table rolled back
        leaves nothing."""
        made, self._made = self._made, []
        for one in made if self._backend.status != b"E" else []:
            if one.keys:
                await catalog.remember_keys(self._backend, one.table, one.keys)
            if one.filled:
                await catalog.analyze(self._backend, one.filled)

    async def _refuse(self, error: ServerError, message: Message) -> None:
        """Tells the client; what it had begun is then over, as it is in a server that refuses."""
        if not error.relayed:
            await self._settle()
            if self._backend.status == b"T":
                await self._backend.abort()
            self._client.write(error.encode())
        if message.kind == b"Q":
            self._client.write(encode(b"Z", self._backend.status))
        else:
            self._failed = True

    async def _relay(self, endings: tuple[bytes, ...]) -> None:
        """Passes on what PostgreSQL says, up to the message that ends it, but ReadyForQuery, which is only noted.

        Raises the refusal that it passed on, when there was one.
        """
        await self._backend.send()
        refusal: ServerError | None = None
        while True:
            kind, body = await self._backend.read()
            if kind == b"Z":
                self._backend.status = body
                break
            if kind == b"E":
                refusal = catalog.as_redshift_says(ServerError.of(body))
                refusal.relayed = True
                self._client.write(refusal.encode())
                if b"Z" not in endings:
                    break
                continue
            self._client.write(as_redshift_sends(kind, body))
            if kind == b"D":
                self._client.write(self._backend.more_of(kind))
            if self._client.is_full:
                await self._client.send()
            if kind in endings:
                break
        if refusal is not None:
            raise refusal


def _decoded(sql: bytes) -> str:
    try:
        return sql.decode()
    except UnicodeDecodeError as error:
        raise ServerError({"C": "22021", "M": f"a statement must be UTF-8: {error}"}) from error


def _pieces(sql: str) -> list[str]:
    try:
        return [one.source(0, len(one.tokens)) for one in statements(sql)]
    except UnreadableSqlError:
        return []


def as_redshift_sends(kind: bytes, body: bytes) -> bytes:
    if kind == b"T":
        return encode(kind, wire.with_types(body, REPLACED_TYPES))
    if kind == b"C" and body.startswith(b"SELECT "):
        return encode(kind, b"SELECT\0")
    if kind == b"S" and body.startswith(b"server_version\0"):
        return encode(kind, text("server_version") + text(SERVER_VERSION))
    return encode(kind, body)
