"""All functions in one process, under uvicorn: what `python -m functions serve` runs."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any

import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cift.function import Function
from cift.host import edge, errors
from cift.host.app import App
from cift.host.background import Background
from cift.host.delivery import is_pushed, uses_embedded
from cift.host.edge import Edge, Ticket
from cift.host.listen import allow_many_sockets, listen, listen_unix
from cift.host.loading import PROBES, load_function
from cift.host.plain import PlainServer
from cift.host.push import EventsApp
from cift.kernel.errors import Refused
from cift.platform import telemetry
from cift.platform.settings import Settings
from cift.platform.stores import Platform

log = logging.getLogger("cift.host")
KEEP_ALIVE_S = 75
STOP_TIMEOUT_S = 3


def serve(functions: Sequence[Function], settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotListen."""
    telemetry.configure_logs(settings.log, settings.log_level)
    listener = listen(settings.http_host, settings.http_port)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(functions, settings, listener))


async def _serve(functions: Sequence[Function], settings: Settings, listener: socket.socket) -> None:
    platform = Platform(settings)
    app = App(functions, platform)
    log.info("serving", extra={"port": settings.http_port, "functions": len(functions)})
    background = Background(functions, platform, _server_for_relay(functions, settings, platform))
    await serve_app(app, listener, background, platform, sockets=True)
    log.info("stopped")


def _server_for_relay(
    functions: Sequence[Function], settings: Settings, platform: Platform
) -> tuple[PlainServer, socket.socket] | None:
    """The server of the event functions that must run in this process, with its listener."""
    if not settings.events_socket:
        return None
    own = [each for each in functions if is_pushed(each) and uses_embedded(each, settings)]
    return (PlainServer(EventsApp(own, platform)), listen_unix(settings.events_socket)) if own else None


class _OneWrite:
    """A transport that buffers the writes of one turn of the loop: a response's head and body are sent in
    one system call instead of two. That saves a tenth of an order's cost in this process."""

    __slots__ = ("_buffered", "_loop", "_transport", "ticket")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, ticket: Ticket) -> None:
        self._transport, self._loop = transport, loop
        self.ticket = ticket
        """The counted connection, which a WebSocket takes over."""
        self._buffered: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._buffered:
            self._loop.call_soon(self._flush)
        self._buffered.append(data)

    def _flush(self) -> None:
        if self._buffered:
            buffered, self._buffered = self._buffered, []
            self._transport.write(b"".join(buffered))

    def close(self) -> None:
        self._flush()
        self._transport.close()

    @property
    def unwrapped(self) -> asyncio.Transport:
        """The transport itself, after all buffered writes."""
        self._flush()
        return self._transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(HttpToolsProtocol):
    """uvicorn's protocol within the bounds of `cift.host.edge`."""

    def __init__(self, edge: Edge, **given: Any) -> None:
        super().__init__(**given)
        self._edge = edge
        self._ticket: Ticket | None = None
        self._in_head = True
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("peername")
        self._ticket = self._edge.enter(peer[0] if isinstance(peer, tuple) else None)
        if self._ticket is None:
            transport.abort()
            return
        super().connection_made(_OneWrite(transport, self.loop, self._ticket))  # type: ignore[arg-type]
        self._head_timer = self.loop.call_later(edge.HEAD_TIMEOUT_S, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        if self._ticket is not None:
            self._ticket.leave()
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._ticket is None:
            return
        self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self.parser is None:
            self._head_bytes = 0
        elif self._head_bytes > edge.HEAD_BYTES_MAX:
            self._refuse(431, "head_too_large", f"The request's head is above {edge.HEAD_BYTES_MAX} bytes")
        elif self._head_bytes and self._head_timer is None:
            self._head_timer = self.loop.call_later(edge.HEAD_TIMEOUT_S, self._head_is_late)

    def on_message_begin(self) -> None:
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_timer()
        if self._head_bytes > edge.HEAD_BYTES_MAX:
            # The body may be in the same bytes: what counts is the head alone.
            size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            if size > edge.HEAD_BYTES_MAX:
                self._refuse(
                    431, "head_too_large", f"The request's head is above {edge.HEAD_BYTES_MAX} bytes"
                )
                return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        if not self.transport.is_closing():
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        self._stop_timer()
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, "invalid_http", msg)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self.transport.is_closing():
            return
        if self._head_bytes:
            message = f"The request's head did not arrive within {edge.HEAD_TIMEOUT_S:g} s"
            self._refuse(408, "head_timeout", message)
        else:
            edge.closed.labels("head_timeout").inc()
            self.transport.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer in our form and close the connection."""
        edge.closed.labels(code).inc()
        self._stop_timer()
        request_id = telemetry.begin("host", None, None).request_id
        body = errors.body(Refused(code, message, status=status), request_id)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nx-cift-origin: host\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class _Server(uvicorn.Server):
    """uvicorn, except that a signal only ends the serving, so that we can close the stores afterwards.
    (uvicorn itself raises the signal again when it has stopped, which would end the process first.)"""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def _socket_protocol() -> type[asyncio.Protocol]:
    from cift.host.sockets import SocketProtocol  # only processes with a ws function import its library

    return SocketProtocol


def serve_sockets(function: Function, listener: socket.socket, platform: Platform) -> None:
    """One ws function alone, with its probes, until SIGTERM or SIGINT."""
    app = App([function], platform, probes=[load_function(name) for name in PROBES])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_app(app, listener, Background([], platform), platform, sockets=True))


async def serve_app(
    app: ASGIApp,
    listener: socket.socket,
    background: Background,
    platform: Platform,
    *,
    sockets: bool = False,
) -> None:
    """Serve `app` on `listener`, with the background functions, until SIGTERM or SIGINT; then close all
    stores. With `sockets`, `app` is an `App` and its ws functions are served too."""
    if sockets:
        allow_many_sockets()
    settings = platform.settings
    bounds = Edge(settings.connections_per_address, behind_gateway=settings.behind_gateway)
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http=partial(_Protocol, bounds),  # type: ignore[arg-type]
            ws=_socket_protocol() if sockets else "none",
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
    # Objects that exist now stay: the collector need not scan them again for every generation.
    gc.collect()
    gc.freeze()
    gc.enable()
    background.start()
    try:
        await server.serve(sockets=[listener])
    finally:
        await background.stop()
        await platform.close()
