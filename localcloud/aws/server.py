"""The server process: ministack's application, patched, on 127.0.0.1, saving its state as it changes."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from hypercorn.asyncio import serve as serve_asgi
from hypercorn.config import Config
from ministack import app as ministack
from ministack.core import lambda_runtime

from localcloud import ports
from localcloud.aws import builds, jobs, patches
from localcloud.aws.saving import Saver
from localcloud.aws.watching import Watcher
from localcloud.settings import Settings

logger = logging.getLogger("localcloud.aws")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then ends Lambda workers, builds and jobs and writes the state."""
    saver = Saver()
    watcher = Watcher(saver.touch)
    patches.apply(settings, saver, watcher)
    config = Config()
    config.bind = [f"{ports.HOST}:{settings.aws_port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    asyncio.run(_serve(config, saver, watcher))
    builds.stop_all()
    jobs.stop_all()
    lambda_runtime.reset()
    logger.info("The embedded AWS has ended")


async def _serve(config: Config, saver: Saver, watcher: Watcher) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, stop.set)
    saver.start()
    watcher.start()

    async def stopped() -> None:
        await stop.wait()
        await asyncio.to_thread(watcher.stop)
        # ministack writes the state itself when it shuts down; two writers would mix their temporary files.
        await asyncio.to_thread(saver.stop)

    await serve_asgi(_saving(saver), config, shutdown_trigger=stopped)


def _saving(saver: Saver) -> Any:
    """The application, telling the saver of every request that may have changed something."""

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await ministack.app(scope, receive, send)
        if scope["type"] == "http" and not _only_reads(scope):
            saver.touch()

    return application


def _only_reads(scope: Message) -> bool:
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        return True
    target = next((value for name, value in scope["headers"] if name == b"x-amz-target"), b"")
    operation = target.rpartition(b".")[2]
    return bool(operation.startswith((b"Describe", b"Get", b"List", b"BatchGet", b"Filter")))
