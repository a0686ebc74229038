"""A small HTTP/1.1 server for functions that only relay, probes and Prometheus call.

It is httptools (the parser of Node.js) on asyncio, and no more: no routing, no streaming, one request of a
connection at a time. A web framework would cost a function that is woken from zero more than its work.
Everything is bounded: connections, headers, bodies, and the time a request may take to arrive.
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
    """A whole request."""

    method: str
    path: str
    headers: dict[bytes, bytes]
    """Names in lower case; the last of a name counts."""
    body: bytes


@dataclass(slots=True)
class Answer:
    """A whole answer; its length is said by the server."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]]


Handler = Callable[[Request], Awaitable[Answer]]


class PlainServer:
    """Answers on `listener` with what `handler` returns, which never raises."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.connections: set[_Connection] = set()
        self.stopping = asyncio.Event()

    async def serve(self, listener: socket.socket) -> None:
        """Until `stopping` is set; what is being answered then is answered, within STOP_TIMEOUT_S."""
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
    """One connection: the parser's callbacks gather a request, a task answers it."""

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

    # ── asyncio ─────────────────────────────────────────────────────────────────────────────────
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        if len(self._server.connections) >= CONNECTIONS_MAX:
            transport.close()
            return
        self._server.connections.add(self)
        self._end_within(IDLE_S)

    def connection_lost(self, exc: Exception | None) -> None:
        # What is at work goes on to its end: its outcome is guarded, and whoever asks again learns it.
        self._server.connections.discard(self)
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self.task is not None:  # a second request before the first answer: nobody here does that
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

    # ── httptools ───────────────────────────────────────────────────────────────────────────────
    def on_message_begin(self) -> None:
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
        self.task = asyncio.get_running_loop().create_task(self._answer(request, keep))

    async def _answer(self, request: Request, keep: bool) -> None:
        answer = await self._server.handler(request)
        self.task = None
        keep = keep and not self._server.stopping.is_set()
        head = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Answer')}".encode()]
        head += [name + b": " + value for name, value in answer.headers]
        head.append(b"content-length: %d" % len(answer.body))
        if not keep:
            head.append(b"connection: close")
        if self._transport is None:
            return
        body = b"" if request.method == "HEAD" else answer.body
        self._transport.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        if keep:
            self._end_within(IDLE_S)
        else:
            self.end()
