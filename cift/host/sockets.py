"""WebSocket functions: the handshake as strict as any request, then one task a connection.

uvicorn's HTTP side hands an upgrade over to `SocketProtocol`. It speaks RFC 6455 by `websockets`, that
library's side without I/O, and writes ready frames straight to the transport: an ASGI server would make each
message's frame again for each connection, most of what a message to a thousand readers costs.

Everything is bounded, by name: connections, the messages that wait for the function, their size, what may
wait for a reader, the silence of a peer. No compression: it costs each connection hundreds of kilobytes.

A handshake that is refused is answered in our error form; afterwards a function ends a connection by a close
code and a reason, and so does this file: 1009 (a message above `MESSAGE_BYTES_MAX`), 1011 `internal`,
1001 `idle`, 1012 `restart`.
"""

import asyncio
import inspect
import logging
import socket as sockets_of_the_system
import time
import typing
from collections import deque
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from websockets.datastructures import Headers
from websockets.exceptions import ProtocolError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from cift.function import Function
from cift.host import errors
from cift.host.address import address_of
from cift.host.provide import PROVIDED, name_of, plain, provide
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
_library.setLevel("CRITICAL")  # what it has to say is told by close codes
MESSAGE_BYTES_MAX = 64 * 1024
"""Of one message from a peer; a larger one ends the connection (1009)."""
RECEIVED_MAX = 32
"""Messages that wait for the function; beyond, the peer is not read."""
FULL_BYTES = 64 * 1024
DRAINED_BYTES = 16 * 1024
SEND_BUFFER_BYTES = 128 * 1024
"""Of the system, for each connection; left alone it would grow to megabytes, and hide a slow reader."""
PING_EVERY_S = 15
IDLE_MAX_S = 45.0
CLOSE_TIMEOUT_S = 15.0
"""What waited for a peer, and the goodbye after it, are his to read for so long."""
QUERY_BYTES_MAX = 2048
_PING = bytes((0x89, 0))

sockets_open = Gauge("cift_sockets_open", "WebSocket connections", ["function"])
sockets_closed = Counter("cift_sockets_closed", "Connections that ended, by code", ["function", "code"])


class SocketRoute:
    """One ws function, ready to be called."""

    def __init__(self, function: Function, platform: Platform) -> None:
        assert function.kind == "ws"
        self.function = function
        self.metrics = telemetry.FunctionMetrics(function.name)
        self.open = sockets_open.labels(function.name)
        self.connections: set[SocketProtocol] = set()
        self._platform = platform
        hints = typing.get_type_hints(function.call)
        self._provided: dict[str, Any] = {}
        self._socket_name = ""
        for name in inspect.signature(function.call).parameters:
            bare = plain(hints[name])[0]
            if bare is Socket:
                self._socket_name = name
            else:
                assert name_of(bare) in PROVIDED, f"{function.name}: cannot give a {bare} for {name}"
                self._provided[name] = bare
        assert self._socket_name, f"{function.name}: ws() functions take a Socket"

    async def __call__(self, socket: Socket) -> None:
        given = {name: provide(self._platform, type_) for name, type_ in self._provided.items()}
        await self.function.call(**given, **{self._socket_name: socket})


class Sockets:
    """The ws functions of a process, and the pulse of their connections."""

    def __init__(self, functions: Iterable[Function], platform: Platform) -> None:
        self.routes: dict[str, SocketRoute] = {}
        for function in functions:
            if function.kind == "ws":
                assert function.path not in self.routes, f"{function.name}: this route is taken"
                self.routes[function.path] = SocketRoute(function, platform)
        self._pulse: list[set[SocketProtocol]] = [set() for _ in range(PING_EVERY_S)]
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, connection: "SocketProtocol", route: SocketRoute) -> None:
        route.connections.add(connection)
        route.open.inc()
        self._next = (self._next + 1) % PING_EVERY_S
        self._pulse[self._next].add(connection)
        if self._timer is None:
            self._beat(0)

    def discard(self, connection: "SocketProtocol", route: SocketRoute) -> None:
        if connection in route.connections:
            route.connections.discard(connection)
            route.open.dec()
        for part in self._pulse:
            part.discard(connection)

    def _beat(self, turn: int) -> None:
        """Each second a fifteenth of the connections is pinged, or ended where nothing was heard for long."""
        now = time.monotonic()
        for connection in tuple(self._pulse[turn]):
            if now - connection.heard_at > IDLE_MAX_S:
                connection.close(GOING_AWAY, "idle")
            else:
                connection.write(_PING)
        if any(self._pulse):
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(1.0, self._beat, (turn + 1) % PING_EVERY_S)
        else:
            self._timer = None


class SocketProtocol(asyncio.Protocol, Socket):
    """One connection, from uvicorn's hand-over to its end."""

    def __init__(self, config: Any, server_state: Any, app_state: Any, _loop: Any = None) -> None:
        self._house: App = config.app
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
        self._code = 1006
        self.heard_at = time.monotonic()
        self.query: dict[str, str] = {}
        self.trader: Trader | None = None
        self.caller = Caller(None, None, "")
        self.on_drain: Callable[[], None] | None = None

    # ── the system's side ───────────────────────────────────────────────────────────────────────
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # What uvicorn's HTTP side wrote through a wrapper of its own is written; frames need none.
        self._transport = getattr(transport, "unwrapped", transport)  # type: ignore[arg-type]
        assert self._transport is not None
        self._transport.set_write_buffer_limits(high=FULL_BYTES, low=DRAINED_BYTES)
        handle = self._transport.get_extra_info("socket")
        if handle is not None and handle.family in (
            sockets_of_the_system.AF_INET,
            sockets_of_the_system.AF_INET6,
        ):
            handle.setsockopt(
                sockets_of_the_system.SOL_SOCKET, sockets_of_the_system.SO_SNDBUF, SEND_BUFFER_BYTES
            )
        self._server_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._server_connections.discard(self)
        self._transport = None
        self._end()
        if self._route is not None:
            self._house.sockets.discard(self, self._route)
            sockets_closed.labels(self._route.function.name, str(self._code)).inc()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        if self.on_drain is not None and not self._closing:
            self.on_drain()

    def data_received(self, data: bytes) -> None:
        self.heard_at = time.monotonic()
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._task = asyncio.get_running_loop().create_task(self._serve(event))
            else:
                assert isinstance(event, Frame)
                self._take(event)
        if self._route is not None:
            self._flush()
        if self._protocol.close_expected() and not self._closing:
            # Said by the library: the other side closes, or broke a rule.
            sent, received = self._protocol.close_sent, self._protocol.close_rcvd
            self._code = (received or sent).code if (received or sent) else self._code  # type: ignore[union-attr]
            self._part()
        if self._protocol.close_rcvd is not None and self._transport is not None:
            self._transport.close()

    def eof_received(self) -> None:
        self._end()

    def shutdown(self) -> None:
        """uvicorn stops."""
        if self._route is None:
            if self._task is not None:
                self._task.cancel()
            if self._transport is not None:
                self._transport.close()
        else:
            self.close(RESTART, "restart")

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._fragments_are_text = frame.opcode is Opcode.TEXT
            self._fragments = [bytes(frame.data)]
        elif frame.opcode is Opcode.CONT:
            self._fragments.append(bytes(frame.data))
        else:
            return  # the library has answered pings and closes by itself
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

    # ── the handshake ───────────────────────────────────────────────────────────────────────────
    async def _serve(self, request: Request) -> None:
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
            route = self._house.sockets.routes.get(path)
            if route is None:
                raise Refused("not_a_socket", "There is no WebSocket at this path", status=404)
            trace.function = route.function.name
            await self._admit(route, query, headers, trace.request_id)
            response = self._protocol.accept(request)
            if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
                raise Refused("invalid_handshake", (response.body or b"").decode().strip(), status=400)
        except Exception as error:
            told = errors.as_answer(error)
            self._refuse(told, trace.request_id, route)
            if route is not None:
                route.metrics.answered(told.status, started)
            return
        response.headers["x-request-id"] = trace.request_id
        response.headers["x-cift-origin"] = route.function.name
        self._protocol.send_response(response)
        self._route = route
        self._flush()
        route.metrics.answered(101, started)
        if self._transport is None:  # gone meanwhile
            return
        self._house.sockets.add(self, route)
        await self._converse(route)

    async def _admit(
        self, route: SocketRoute, query: str, headers: dict[bytes, bytes], request_id: str
    ) -> None:
        """Raises CiftError: not here, not him, or too many."""
        function, house = route.function, self._house
        house.check_host(headers)
        house.check_origin(headers)
        if len(route.connections) >= function.scale.concurrency:
            raise Unavailable("too_many_connections", "This process has no room for another connection")
        if len(query) > QUERY_BYTES_MAX:
            raise Refused("invalid_request", "The query is too long")
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        assert self._transport is not None
        peer = self._transport.get_extra_info("peername")
        address = address_of(
            headers,
            peer[0] if isinstance(peer, tuple) else None,
            behind_gateway=self._house.platform.settings.behind_gateway,
        )
        agent = headers.get(b"user-agent")
        self.caller = Caller(address, agent.decode("latin-1")[:256] if agent else None, request_id)
        if function.scope is not None or b"authorization" in headers or b"x-api-key" in headers:
            self.trader = await house.recognise(headers)
            if function.scope is not None:
                require(self.trader, function.scope)
        limits = house.platform.limits
        if function.rate == "usual":
            if self.trader is not None:
                await limits.spend(limits.user, self.trader.user_id)
            else:
                await limits.spend(limits.public, address or "unknown")

    def _refuse(self, error: CiftError, request_id: str, route: SocketRoute | None) -> None:
        body = errors.body(error, request_id)
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

    async def _converse(self, route: SocketRoute) -> None:
        code, reason = NORMAL, ""
        try:
            await route(self)
        except SocketClosed:
            pass
        except CiftError as error:
            self.write(text_frame(errors.body(error, self.caller.request_id)))
            code, reason = POLICY, error.code
        except asyncio.CancelledError:
            code, reason = RESTART, "restart"
        except Exception:
            log.exception("%s failed on a connection", route.function.name)
            code, reason = INTERNAL, "internal"
        self.close(code, reason)

    # ── the function's side ─────────────────────────────────────────────────────────────────────
    async def receive(self) -> str | bytes:
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
        except ProtocolError:  # the other side has closed already
            pass
        self._flush()
        self._part()

    def _part(self) -> None:
        """The goodbye is said. What still comes is read and dropped: a socket that is closed on unread bytes
        is reset, and the other side never reads why."""
        self._end()
        if self._transport is not None:
            self._transport.resume_reading()
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_S, self._cut)

    def _cut(self) -> None:
        """The other side has not answered the goodbye in time."""
        if self._transport is not None:
            self._transport.abort()
