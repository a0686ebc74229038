"""WebSocket functions: the handshake is checked like any request, then each connection has one task.

uvicorn's HTTP protocol hands an upgrade over to `SocketProtocol`. That uses the part of `websockets` without
I/O for RFC 6455, and writes finished frames straight to the transport. An ASGI server would build each
message's frame again for each connection, which is most of the cost of a message to a thousand readers.

The constants below limit the connections, the messages that the function has not received yet, their size,
the bytes buffered for a reader, and the silence of a peer. There is no compression, because it costs
hundreds of kilobytes per connection.

A refused handshake gets our error response. Later a connection ends with a close code and a reason from the
function, or from this file: 1009 (a message above `MESSAGE_BYTES_MAX`), 1011 `internal`, 1001 `idle`,
1012 `restart`.
"""

import asyncio
import logging
import socket as system_socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from websockets.datastructures import Headers
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from cift.function import Function
from cift.host import errors, forms
from cift.host.address import address_of
from cift.host.app import user_agent
from cift.host.edge import SLICE_BYTES, Ticket
from cift.host.provide import SOCKET, bind, name_of
from cift.kernel.addresses import network_of
from cift.kernel.errors import CiftError, Refused, Unavailable
from cift.platform import telemetry
from cift.platform.identity import Caller, Trader, require
from cift.platform.metrics import Counter, Gauge
from cift.platform.socket import (
    GOING_AWAY,
    INTERNAL,
    NORMAL,
    POLICY,
    RESTART,
    Socket,
    SocketClosed,
    text_frame,
)
from cift.platform.stores import Platform

if TYPE_CHECKING:
    from cift.host.app import App

log = logging.getLogger("cift.host")
_library = logging.getLogger("websockets")
_library.setLevel("CRITICAL")  # its errors are reported by close codes
MESSAGE_BYTES_MAX = 64 * 1024
"""The largest message from a peer; a larger one ends the connection (1009)."""
RECEIVED_MAX = 32
"""Messages queued for the function; at this number we stop reading from the peer."""
FULL_BYTES = 64 * 1024
DRAINED_BYTES = 16 * 1024
SEND_BUFFER_BYTES = 128 * 1024
"""The kernel's send buffer per connection. By default it grows to megabytes, and hides a slow reader."""
PING_EVERY_S = 15
IDLE_MAX_S = 45.0
CLOSE_TIMEOUT_S = 15.0
"""How long a peer may take to read the buffered frames and the close frame after them."""
QUERY_BYTES_MAX = 2048
CLOSING_FRAMES_MAX = 1_000
"""Frames that are read while a connection closes."""
BUSY_PAUSE_S = 0.1
_PING = bytes((0x89, 0))

sockets_open = Gauge("cift_sockets_open", "WebSocket connections", ["function"])
sockets_closed = Counter("cift_sockets_closed", "Closed connections, by close code", ["function", "code"])


class SocketRoute:
    """One ws function, ready to be called."""

    def __init__(self, function: Function, platform: Platform) -> None:
        assert function.kind == "ws"
        self.function = function
        self.metrics = telemetry.FunctionMetrics(function.name)
        self.open = sockets_open.labels(function.name)
        self.connections: set[SocketProtocol] = set()
        self._call, self._socket_name = bind(function, platform), name_of(function, SOCKET) or ""

    def parameters(self, path: str) -> dict[str, str] | None:
        """The parameters in a path; None if it has none, or is the path of another function."""
        names, parts = self.function.path.split("/"), path.split("/")
        if len(names) != len(parts) or "{" not in self.function.path:
            return None
        pairs = list(zip(names, parts, strict=True))
        if any(name != part if not name.startswith("{") else not part for name, part in pairs):
            return None
        return {name[1:-1]: unquote(part) for name, part in pairs if name.startswith("{")}

    async def __call__(self, socket: Socket) -> None:
        await self._call(**{self._socket_name: socket})


class Sockets:
    """The ws functions of a process, and the pings of their connections."""

    def __init__(self, functions: Iterable[Function], platform: Platform) -> None:
        self.routes: dict[str, SocketRoute] = {}
        for function in functions:
            if function.kind == "ws":
                assert function.path not in self.routes, (
                    f"{function.name}: another function has the route {function.trigger}"
                )
                self.routes[function.path] = SocketRoute(function, platform)
        self._ping_groups: list[set[SocketProtocol]] = [set() for _ in range(PING_EVERY_S)]
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    def route(self, path: str) -> SocketRoute | None:
        """The function at this path of a request."""
        path = path if path in self.routes else forms.alpaca_path(path) or path
        found = self.routes.get(path)
        return found or next((each for each in self.routes.values() if each.parameters(path)), None)

    def parameters(self, route: SocketRoute, path: str) -> dict[str, str]:
        """The parameters of the path."""
        return route.parameters(forms.alpaca_path(path) or path) or {}

    def add(self, connection: "SocketProtocol", route: SocketRoute) -> None:
        route.connections.add(connection)
        route.open.inc()
        self._next = (self._next + 1) % PING_EVERY_S
        self._ping_groups[self._next].add(connection)
        if self._timer is None:
            self._ping(0)

    def discard(self, connection: "SocketProtocol", route: SocketRoute) -> None:
        if connection in route.connections:
            route.connections.discard(connection)
            route.open.dec()
        for group in self._ping_groups:
            group.discard(connection)

    def _ping(self, turn: int) -> None:
        """Ping one of the 15 groups of connections each second; close those that sent nothing for long."""
        now = time.monotonic()
        for connection in tuple(self._ping_groups[turn]):
            if now - connection.received_at > IDLE_MAX_S:
                connection.close(GOING_AWAY, "idle")
            else:
                connection.write(_PING)
        if any(self._ping_groups):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(1.0, self._ping, (turn + 1) % PING_EVERY_S)
        else:
            self._timer = None


class SocketProtocol(asyncio.Protocol, Socket):
    """One connection, from uvicorn's hand-over to its end."""

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        self._app: App = config.app
        self._server_connections: set[Any] = server_state.connections
        self._protocol = ServerProtocol(max_size=MESSAGE_BYTES_MAX, logger=_library)
        self._transport: asyncio.Transport | None = None
        self._route: SocketRoute | None = None
        self._task: asyncio.Task[None] | None = None
        self._received: deque[str | bytes] = deque()
        self._fragments: list[bytes] = []
        self._fragments_are_text = False
        self._waiter: asyncio.Future[None] | None = None
        self.full = self._closing = False
        self._after_close = 0
        self._ticket: Ticket | None = None
        self._code = 1006
        self.received_at = time.monotonic()
        self.query: dict[str, str] = {}
        self.path: dict[str, str] = {}
        self.content_type = ""
        self.trader: Trader | None = None
        self.caller = Caller(None, None, "")
        self.on_drain: Callable[[], None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._ticket = getattr(transport, "ticket", None)
        # `unwrapped` flushes what the HTTP protocol buffered; frames are written without that buffer.
        self._transport = getattr(transport, "unwrapped", transport)  # type: ignore[arg-type]
        assert self._transport is not None
        self._transport.set_write_buffer_limits(high=FULL_BYTES, low=DRAINED_BYTES)
        handle = self._transport.get_extra_info("socket")
        if handle is not None and handle.family in (system_socket.AF_INET, system_socket.AF_INET6):
            handle.setsockopt(system_socket.SOL_SOCKET, system_socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._server_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_connections.discard(self)
        if self._ticket is not None:
            self._ticket.leave()
        self._transport = None
        self._end()
        if self._route is not None:
            self._app.sockets.discard(self, self._route)
            sockets_closed.labels(self._route.function.name, str(self._code)).inc()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self.on_drain is not None and not self._closing:
            self.on_drain()

    def data_received(self, data: bytes) -> None:
        self.received_at = time.monotonic()
        # A slice of bytes at a time: a caller that sends too many frames pays for few of them to be parsed.
        for begin in range(0, len(data), SLICE_BYTES):
            self._protocol.receive_data(data[begin : begin + SLICE_BYTES])
            events = self._protocol.events_received()
            frames = 0
            for event in events:
                if isinstance(event, Request):
                    self._task = asyncio.get_running_loop().create_task(self._serve(event))
                else:
                    assert isinstance(event, Frame)
                    frames += 1
                    self._receive_frame(event)
            if frames and not self._count_frames(frames):
                return
        if self._route is not None:
            self._flush()
        if self._protocol.close_expected() and not self._closing:
            # The library closes: the peer sent a close frame, or violated the protocol.
            sent, received = self._protocol.close_sent, self._protocol.close_rcvd
            self._code = (received or sent).code if (received or sent) else self._code  # type: ignore[union-attr]
            self._await_close()
        if self._protocol.close_rcvd is not None and self._transport is not None:
            self._transport.close()

    def _count_frames(self, frames: int) -> bool:
        """Count frames of every kind; False: the connection is closed for too many."""
        if self._closing:
            # It has its close frame; a peer that goes on sending instead of closing is cut.
            self._after_close += frames
            if self._after_close > CLOSING_FRAMES_MAX:
                self._abort()
                return False
            return True
        if self._ticket is None:
            return True
        if not self._ticket.frames(frames):
            self._write_error(Refused("rate_limited", "Too many WebSocket frames per second", status=429))
            self.close(POLICY, "rate_limited")
            return False
        if self._ticket.process_is_busy(frames) and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(BUSY_PAUSE_S, self._resume)
        return True

    def _resume(self) -> None:
        if self._transport is not None and len(self._received) < RECEIVED_MAX:
            self._transport.resume_reading()

    def eof_received(self) -> None:
        self._end()

    def shutdown(self) -> None:
        """Called by uvicorn when it stops."""
        if self._route is None:
            if self._task is not None:
                self._task.cancel()
            if self._transport is not None:
                self._transport.close()
        else:
            self.close(RESTART, "restart")

    def _receive_frame(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._fragments_are_text = frame.opcode is Opcode.TEXT
            self._fragments = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            self._fragments.append(bytes(frame.data))
        else:
            return  # the library itself replies to pings and close frames
        if not frame.fin or self._closing:
            return
        whole = b"".join(self._fragments)
        self._fragments = []
        if self._fragments_are_text:
            try:
                self._received.append(whole.decode())
            except UnicodeDecodeError:
                self.close(1007, "not_utf8")
                return
        else:
            self._received.append(whole)
        if len(self._received) >= RECEIVED_MAX and self._transport is not None:
            self._transport.pause_reading()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _end(self) -> None:
        self._closing = True
        self._wake()

    def _flush(self) -> None:
        data = b"".join(self._protocol.data_to_send())
        if data and self._transport is not None:
            self._transport.write(data)

    async def _serve(self, request: Request) -> None:
        """The handshake, then the function."""
        started = time.perf_counter()
        headers = {
            name.lower().encode(): value.encode("latin-1") for name, value in request.headers.raw_items()
        }
        trace = telemetry.begin(
            "host", request.headers.get("traceparent"), request.headers.get("x-request-id")
        )
        route: SocketRoute | None = None
        try:
            path, _, query = request.path.partition("?")
            route = self._app.sockets.route(path)
            if route is None:
                raise Refused("not_a_socket", "There is no WebSocket at this path", status=404)
            trace.function = route.function.name
            self.path = self._app.sockets.parameters(route, path)
            await self._check_handshake(route, query, headers, trace.request_id)
            response = self._protocol.accept(request)
            if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
                raise Refused("invalid_handshake", (response.body or b"").decode().strip(), status=400)
        except Exception as error:
            reported = errors.to_cift_error(error)
            self._refuse(reported, trace.request_id, route)
            if route is not None:
                route.metrics.record(reported.status, started)
            return
        response.headers["x-request-id"] = trace.request_id
        response.headers["x-cift-origin"] = route.function.name
        self._protocol.send_response(response)
        self._route = route
        self._flush()
        route.metrics.record(101, started)
        if self._transport is None:  # the peer closed the connection meanwhile
            return
        self._app.sockets.add(self, route)
        await self._run(route)

    async def _check_handshake(
        self, route: SocketRoute, query: str, headers: dict[bytes, bytes], request_id: str
    ) -> None:
        """Check host, origin, credential and limits.

        Raises:
            CiftError: the handshake is refused.
        """
        function, app = route.function, self._app
        app.check_host(headers)
        app.check_origin(headers)
        if len(route.connections) >= function.scale.concurrency:
            raise Unavailable(
                "too_many_connections", f"This process has {len(route.connections)} connections, its limit"
            )
        if len(query) > QUERY_BYTES_MAX:
            raise Refused("invalid_request", f"The query is longer than {QUERY_BYTES_MAX} bytes")
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.content_type = headers.get(b"content-type", b"").decode("latin-1")
        assert self._transport is not None
        peer = self._transport.get_extra_info("peername")
        address = address_of(
            headers,
            peer[0] if isinstance(peer, tuple) else None,
            behind_gateway=app.platform.settings.behind_gateway,
        )
        self.caller = Caller(address, user_agent(headers), request_id)
        if function.scope is not None or forms.has_credential(headers):
            self.trader = await app.authenticate(headers, address)
            if function.scope is not None:
                require(self.trader, function.scope)
        limits = app.platform.limits
        if function.rate == "usual":
            if self.trader is not None:
                await limits.spend(limits.user, self.trader.user_id)
            else:
                await limits.spend(limits.public, network_of(address))

    def _refuse(self, error: CiftError, request_id: str, route: SocketRoute | None) -> None:
        body = errors.body(error, request_id, route.function.form if route is not None else "cift")
        headers = Headers()
        for name, value in errors.headers(error):
            headers[name.decode()] = value.decode()
        headers["Content-Length"] = str(len(body))
        headers["Connection"] = "close"
        headers["x-request-id"] = request_id
        headers["x-cift-origin"] = route.function.name if route is not None else "host"
        phrase = HTTPStatus(error.status).phrase
        self._protocol.send_response(Response(error.status, phrase, headers, body))
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _write_error(self, error: CiftError) -> None:
        """The error as a message of the type `error`, before the connection ends."""
        text = errors.body(error, self.caller.request_id)
        self.write(text_frame(b'{"type":"error",' + text[1:]))

    async def _run(self, route: SocketRoute) -> None:
        code, reason = NORMAL, ""
        try:
            await route(self)
        except SocketClosed:
            pass
        except CiftError as error:
            self._write_error(error)
            code, reason = POLICY, error.code
        except asyncio.CancelledError:
            code, reason = RESTART, "restart"
        except Exception:
            log.exception("%s failed on a connection", route.function.name)
            code, reason = INTERNAL, "internal"
        self.close(code, reason)

    async def receive(self) -> str | bytes:  # this and the methods below: called by the function
        while not self._received:
            if self._closing:
                raise SocketClosed
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        message = self._received.popleft()
        if len(self._received) == RECEIVED_MAX - 1 and self._transport is not None:
            self._transport.resume_reading()
        return message

    def write(self, frame: bytes) -> None:
        if self._transport is not None and not self._closing:
            self._transport.write(frame)

    @property
    def unsent(self) -> int:
        return self._transport.get_write_buffer_size() if self._transport is not None else 0

    @property
    def closed(self) -> bool:
        return self._closing or self._transport is None

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        if self._closing or self._transport is None:
            return
        self._code = code
        try:
            self._protocol.send_close(code, reason)
        except ProtocolError:  # the peer has closed already
            pass
        self._flush()
        self._await_close()

    def _await_close(self) -> None:
        """Wait for the peer's close frame; further messages are read and dropped. Closing a socket with
        unread bytes would reset it, and the peer would not receive our close code."""
        self._end()
        if self._transport is not None:
            self._transport.resume_reading()
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._abort)

    def _abort(self) -> None:
        """The peer sent no close frame within CLOSE_TIMEOUT_S."""
        if self._transport is not None:
            self._transport.abort()
