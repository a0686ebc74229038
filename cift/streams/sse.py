"""The streams as Server-Sent Events: a response without an end, which continues where the last one ended.

A browser's EventSource reconnects by itself and sends the id of its last event in `Last-Event-ID`. Ids
grow over all channels of a connection.

A response ends by itself after `DURATION_S`, below every time limit between here and the client. The
client's next request continues without a gap. Unlike a WebSocket, the transport itself holds the unsent
events; their bytes are bounded in the same way.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cift.kernel.errors import CiftError
from cift.platform.identity import Trader
from cift.streams.catch_up import CatchUp, Places
from cift.streams.credentials import Connections
from cift.streams.hub import Hub
from cift.streams.messages import Error, UnknownSymbols
from cift.streams.rules import Id, Topic
from cift.streams.subscriber import Subscriber, Transport
from cift.streams.views import Published

DURATION_S = 270.0
RETRY_MS = 1_000
CHUNK_BYTES = 64 * 1024
FULL_BYTES = 64 * 1024


class EventStream(Response, Transport):
    """The response of a function."""

    media_type = "text/event-stream"

    def __init__(
        self,
        hub: Hub,
        places: Places,
        connections: Connections,
        topics: Sequence[Topic],
        since: Id | None,
        trader: Trader | None,
        unknown_symbols: Sequence[str],
        address: str | None,
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self.trader = trader
        if trader is not None:
            connections.add(self)
        self._hub, self._connections, self._topics, self._since = hub, connections, topics, since
        self._subscriber = Subscriber(hub, self)
        self._catch_up = CatchUp(hub, places, self._subscriber, address)
        self._unsent: deque[bytes] = deque([b"retry: %d\n\n" % RETRY_MS])
        if unknown_symbols:
            unknown = UnknownSymbols(type="unknown_symbols", symbols=list(unknown_symbols))
            self._unsent.append(Published(unknown, None).event)
        self._unsent_bytes = 0
        self._wakeup = asyncio.Event()
        self._ended = False

    def offer(self, published: Published) -> bool:
        if self.is_behind:
            return False
        self._put(published.event)
        return True

    def write(self, published: Published) -> None:
        self._put(published.event)

    @property
    def is_behind(self) -> bool:
        return self._unsent_bytes > FULL_BYTES

    @property
    def unsent_bytes(self) -> int:
        return self._unsent_bytes

    @property
    def closed(self) -> bool:
        return self._ended

    def end(self, error: CiftError) -> None:
        self._put(Published(Error(type="error", code=error.code, message=error.message), None).event)
        self._ended = True
        self._wakeup.set()

    def _put(self, event: bytes) -> None:
        if not self._ended:
            self._unsent.append(event)
            self._unsent_bytes += len(event)
            self._wakeup.set()

    def _send_heartbeat(self, heartbeat: Published) -> None:
        if not self.is_behind:
            self._put(b": heartbeat\n\n")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            self._connections.discard(self)
            await send({"type": "http.response.body", "body": b""})
            return
        self._hub.on_heartbeat.add(self._send_heartbeat)
        disconnected = asyncio.create_task(_disconnected(receive))
        subscribing = asyncio.create_task(self._subscribe())
        try:
            async with asyncio.timeout(DURATION_S):
                while not disconnected.done():
                    await self._send_some(send, disconnected)
                    if self._ended and not self._unsent:
                        break
        except (TimeoutError, OSError):
            pass
        finally:
            self._ended = True
            subscribing.cancel()
            disconnected.cancel()
            self._hub.on_heartbeat.discard(self._send_heartbeat)
            self._connections.discard(self)
            await asyncio.gather(subscribing, return_exceptions=True)
            self._hub.detach(self._subscriber, self._subscriber.topics)
        await send({"type": "http.response.body", "body": b""})

    async def _subscribe(self) -> None:
        try:
            account = self.trader.account_id if self.trader is not None else None
            await self._catch_up.subscribe(self._topics, self._since, account)
        except CiftError as error:
            self.end(error)

    async def _send_some(self, send: Send, disconnected: "asyncio.Task[None]") -> None:
        if not self._unsent:
            self._wakeup.clear()
            wakeup = asyncio.create_task(self._wakeup.wait())
            await asyncio.wait((wakeup, disconnected), return_when=asyncio.FIRST_COMPLETED)
            wakeup.cancel()
            return
        parts: list[bytes] = []
        size = 0
        while self._unsent and size < CHUNK_BYTES:
            parts.append(self._unsent.popleft())
            size += len(parts[-1])
        self._unsent_bytes -= min(size, self._unsent_bytes)
        await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})
        if not self.is_behind:
            self._subscriber.drained()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
