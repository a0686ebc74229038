"""A small HTTP/1.1 server for functions that only relay, probes and Prometheus call.

It is httptools (the parser of Node.js) on asyncio: no routing, no streaming, one request at a time per
connection. Importing a web framework would take longer than the function's own work at a cold start.
Connections, headers, bodies and the time in which a request must arrive are all limited.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import cast

import httptools

log = logging.getLogger("cift.host")
CONNECTIONS_MAX = 100
HEADERS_BYTES_MAX = 32 * 1024
BODY_BYTES_MAX = 12 * 1024 * 1024  # relay's 4 MiB, or one larger message alone (a NATS payload: 8 MiB)
ARRIVES_WITHIN_S = 30.0
IDLE_S = 75.0
STOP_TIMEOUT_S = 20.0
_REASONS = {
    200: "OK", 204: "No Content", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed",
    409: "Conflict", 413: "Content Too Large", 422: "Unprocessable Content",
    500: "Internal Server Error", 503: "Service Unavailable",
}  # fmt: skip


@dataclass(slots=True)
class Request:
    """A complete request."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    """Names in lower case; the last value of a repeated name."""
    body: bytes


@dataclass(slots=True)
class Response:
    """A complete response; the server adds content-length."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


Handler = Callable[[Request], Awaitable[Response]]


class PlainServer:
    """Sends the responses that `handler` returns; `handler` must not raise."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[_Connection] = set()
        self.stopping = asyncio.Event()

    async def serve(self, listener: socket.socket) -> None:
        """Serve until `stopping` is set, then finish the requests in progress within STOP_TIMEOUT_S."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(self), sock=listener)
        await self.stopping.wait()
        server.close()
        tasks = {c.task for c in self.connections if c.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_TIMEOUT_S)
        for connection in tuple(self.connections):
            connection.end()


class _Connection(asyncio.Protocol):
    """One connection: the parser's callbacks collect a request, a task responds to it."""

    def __init__(self, server: PlainServer) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self.task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._headers_bytes = self._body_bytes = 0
        self._too_large = False

    def _end_within(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.end)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self.task is not None:
            self.task.cancel()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transport is not a subclass of asyncio.Transport.
        self._transport = transport = cast(asyncio.Transport, transport)
        if len(self._server.connections) >= CONNECTIONS_MAX:
            transport.close()
            return
        self._server.connections.add(self)
        self._end_within(IDLE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        # The request in progress runs to its end: its work is idempotent, and relay retries it.
        self._server.connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self.task is not None:  # pipelining is not supported: our clients do not use it
            self._refuse(400)
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._refuse(400)

    def _refuse(self, status: int) -> None:
        if self._transport is not None:
            head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self._transport.write(head.encode())
        self.end()

    def on_message_begin(self) -> None:  # this and the methods below: called by httptools
        self._begin()
        self._end_within(ARRIVES_WITHIN_S)

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value
        self._count_head(len(name) + len(value))

    def _count_head(self, length: int) -> None:
        self._headers_bytes += length
        self._too_large |= self._headers_bytes > HEADERS_BYTES_MAX

    def on_headers_complete(self) -> None:
        if self._headers.get(b"expect", b"").lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        self._body_bytes += len(part)
        if self._body_bytes > BODY_BYTES_MAX:
            self._too_large = True
            self._body.clear()
        else:
            self._body.append(part)

    def on_message_complete(self) -> None:
        if self._too_large:
            self._refuse(413)
            return
        if self._timer is not None:
            self._timer.cancel()
        request = Request(
            self._parser.get_method().decode("latin-1"),
            self._url.partition(b"?")[0].decode("latin-1"),
            self._headers,
            b"".join(self._body),
        )
        self._body = []
        keep = self._parser.should_keep_alive()
        self.task = asyncio.get_running_loop().create_task(self._respond(request, keep))

    async def _respond(self, request: Request, keep: bool) -> None:
        response = await self._server.handler(request)
        self.task = None
        keep = keep and not self._server.stopping.is_set()
        head = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, 'Unknown')}".encode()]
        head += [name + b": " + value for name, value in response.headers]
        head.append(b"content-length: %d" % len(response.body))
        if not keep:
            head.append(b"connection: close")
        if self._transport is None:
            return
        body = b"" if request.method == "HEAD" else response.body
        self._transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        if keep:
            self._end_within(IDLE_S)
        else:
            self.end()
