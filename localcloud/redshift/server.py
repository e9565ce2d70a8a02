"""The listening side: TLS, the login, and one session for each client."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
import ssl
import struct
from pathlib import Path

import trustme

from localcloud import ports
from localcloud.redshift import catalog, wire
from localcloud.redshift.actions import Actions
from localcloud.redshift.backend import Backend
from localcloud.redshift.launcher import DATABASE
from localcloud.redshift.session import Session, as_redshift_sends
from localcloud.redshift.statement_log import StatementLog, open_log
from localcloud.redshift.wire import Channel, ServerError, encode
from localcloud.settings import Settings

LOGIN_SECONDS = 60.0
"""As PostgreSQL's authentication_timeout: who connects and says nothing is sent away."""

logger = logging.getLogger("localcloud.redshift")


def serve(settings: Settings, authority: Path) -> None:
    """Serves until SIGTERM or SIGINT. The certificate of the authority that clients trust is written to `authority`."""
    open_log(settings.logs / "redshift.log")
    catalog.prepare(settings)
    asyncio.run(Server(settings, _tls(authority)).run())


def _tls(authority: Path) -> ssl.SSLContext:
    """A context with a certificate for this address, by an authority made for this very start."""
    made = trustme.CA(organization_name="xtage local cloud")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.issue_cert(ports.HOST, "localhost").configure_cert(context)
    authority.parent.mkdir(parents=True, exist_ok=True)
    draft = authority.with_suffix(".new")
    made.cert_pem.write_to_path(str(draft))
    draft.replace(authority)
    return context


class Server:
    """All clients of one harness."""

    def __init__(self, settings: Settings, tls: ssl.SSLContext) -> None:
        self._settings, self._tls = settings, tls
        self._actions = Actions(settings)
        self._numbers = itertools.count(1)
        self._clients: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        server = await asyncio.start_server(self._welcome, ports.HOST, self._settings.redshift_port)
        logger.info("listening on %s:%d", ports.HOST, self._settings.redshift_port)
        async with server:
            await stop.wait()
        for task in list(self._clients):
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        client = Channel(reader, writer)
        try:
            await self._converse(client, writer)
        except (EOFError, ConnectionError, TimeoutError, ssl.SSLError):
            logger.info("a client is gone before it was logged in, or in the middle of a statement")
        except Exception:
            logger.exception("a session broke off")
        finally:
            self._clients.discard(task)
            await client.close()

    async def _converse(self, client: Channel, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(LOGIN_SECONDS):
            parameters = await self._start(client, writer)
        if parameters is None:
            return
        backend = await Backend.connect(self._settings.postgres_port)
        try:
            log = StatementLog(f"{next(self._numbers)} {parameters.get('user', '')}")
            log.say(f"connects: {parameters.get('driver_version') or parameters.get('application_name', '')}")
            async with asyncio.timeout(LOGIN_SECONDS):
                logged_in = await self._log_in(client, backend, parameters, log)
            if logged_in:
                await Session(client, backend, log, self._actions).serve()
            log.say("is gone")
        finally:
            await backend.close()

    async def _start(self, client: Channel, writer: asyncio.StreamWriter) -> dict[str, str] | None:
        """Turns to TLS and reads the startup packet; None when the client wanted something else."""
        encrypted = False
        while True:
            body = await client.read_startup()
            (code,) = struct.unpack_from("!i", body)
            if code == wire.SSL_REQUEST and not encrypted:
                await client.send(b"S")
                await writer.start_tls(self._tls)
                encrypted = True
            elif code == wire.GSS_REQUEST:
                await client.send(b"N")
            elif code == wire.CANCEL_REQUEST:
                await self._pass_on_cancel(body)
                return None
            elif code != wire.PROTOCOL or not encrypted:
                refusal = "connect with TLS (sslmode verify-full)" if code == wire.PROTOCOL else "unknown protocol"
                await client.send(ServerError({"S": "FATAL", "C": "28000", "M": refusal}).encode())
                return None
            else:
                return wire.parameters_of(body)

    async def _pass_on_cancel(self, body: bytes) -> None:
        backend = await Backend.connect(self._settings.postgres_port)
        await backend.send(struct.pack("!i", len(body) + 4) + body)
        await backend.close()

    async def _log_in(self, client: Channel, backend: Backend, parameters: dict[str, str], log: StatementLog) -> bool:
        """Asks for the password, which PostgreSQL checks, and passes on what it says of itself."""
        await client.send(encode(b"R", struct.pack("!i", 3)))
        password = (await client.read()).body.rstrip(b"\0").decode()
        user, database = parameters.get("user", ""), parameters.get("database", "")
        try:
            if database != DATABASE:
                raise ServerError({"C": "3D000", "M": f'database "{database}" does not exist'})
            application = parameters.get("application_name", "")
            told = await backend.log_in(user, password, database, application)
        except ServerError as refusal:
            log.say(f"was refused: {refusal}")
            refusal.fields["S"] = "FATAL"
            await client.send(refusal.encode())
            return False
        client.write(encode(b"R", struct.pack("!i", 0)))
        for message in told:
            client.write(as_redshift_sends(*message))
        await client.send()
        return True
