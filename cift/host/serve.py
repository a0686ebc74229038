"""All functions in one process, under uvicorn: what `python -m functions serve` runs."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
import uvloop
from starlette.types import ASGIApp

from cift.function import Door
from cift.host.app import House
from cift.host.events import Background
from cift.platform import telemetry
from cift.platform.settings import Settings
from cift.platform.stores import Platform

log = logging.getLogger("cift.host")
BACKLOG = 1024
KEEP_ALIVE_S = 75
STOP_TIMEOUT_S = 3


class CannotListen(Exception):
    """The port is taken or forbidden; one sentence."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotListen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"port {port} on {host} cannot be used ({error.strerror}): stop what listens there, or choose"
            " another with CIFT_HTTP_PORT"
        ) from None
    listener.setblocking(False)
    return listener


def serve(doors: Sequence[Door], settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotListen."""
    telemetry.configure_logs(settings.log, settings.log_level)
    listener = listen(settings.http_host, settings.http_port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(doors, settings, listener))


async def _serve(doors: Sequence[Door], settings: Settings, listener: socket.socket) -> None:
    platform = Platform(settings)
    app = House(doors, platform)
    log.info("serving", extra={"port": settings.http_port, "functions": len(doors)})
    await serve_app(app, listener, Background(doors, platform), platform)
    log.info("stopped")


class _Server(uvicorn.Server):
    """uvicorn, but a signal only ends the serving: what was opened is closed afterwards. (uvicorn's own
    way raises the signal again when it has done its part, which would end the process before ours.)"""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def serve_app(
    app: ASGIApp, listener: socket.socket, background: Background, platform: Platform
) -> None:
    """Serve `app` on `listener`, with the background functions, until SIGTERM or SIGINT; close all."""
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_TIMEOUT_S,
        )
    )
    # What is alive now stays: the collector need not walk it again for every generation.
    gc.collect()
    gc.freeze()
    background.start()
    try:
        await server.serve(sockets=[listener])
    finally:
        await background.stop()
        await platform.close()
