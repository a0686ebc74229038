"""The streams as Server-Sent Events: one answer that does not end, and begins where the last one ended.

A browser's EventSource connects again by itself and gives the id of the last event in `Last-Event-ID`. Ids
are in order over all market channels of a connection, and over all own channels; the two kinds of streams
are not in step with each other, so a connection has channels of one kind.

An answer ends by itself after `LIFE_S`, below every time limit on its way, and the client's next one goes on
without a gap. Unlike a WebSocket, its line holds what waits; it is bounded in bytes as there.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cift.kernel.errors import CiftError, Refused
from cift.platform.identity import Trader
from cift.streams import rules, views
from cift.streams.credentials import Guests
from cift.streams.hub import Hub
from cift.streams.reader import Line, Reader
from cift.streams.rules import Id, Topic
from cift.streams.views import Published

LIFE_S = 270.0
RETRY_MS = 1_000
CHUNK_BYTES = 64 * 1024
FULL_BYTES = 64 * 1024


class EventStream(Response, Line):
    """The answer of a function."""

    media_type = "text/event-stream"

    def __init__(
        self,
        hub: Hub,
        guests: Guests,
        topics: Sequence[Topic],
        since: Id | None,
        trader: Trader | None,
        unknown_symbols: Sequence[str],
    ) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self.trader = trader
        if trader is not None:
            guests.add(self)
        self._hub, self._guests, self._topics, self._since = hub, guests, topics, since
        self._reader = Reader(hub, self)
        self._reader.topics.update(topics)
        self._waiting: deque[bytes] = deque([b"retry: %d\n\n" % RETRY_MS])
        if unknown_symbols:
            self._waiting.append(views.notice("unknown_symbols", symbols=unknown_symbols).event)
        self._bytes = 0
        self._news = asyncio.Event()
        self._over = False

    # ── the line ────────────────────────────────────────────────────────────────────────────────
    def offer(self, published: Published) -> bool:
        if self.behind:
            return False
        self._put(published.event)
        return True

    def write(self, published: Published) -> None:
        self._put(published.event)

    @property
    def behind(self) -> bool:
        return self._bytes > FULL_BYTES

    @property
    def unsent(self) -> int:
        return self._bytes

    def cut(self, error: CiftError) -> None:
        said = orjson.dumps({"type": "error", "code": error.code, "message": error.message})
        self._put(b"event: error\ndata: %s\n\n" % said)
        self._over = True
        self._news.set()

    def expel(self, error: CiftError) -> None:
        """The credential has ended."""
        self.cut(error)

    def _put(self, event: bytes) -> None:
        if not self._over:
            self._waiting.append(event)
            self._bytes += len(event)
            self._news.set()

    def _beat(self, heartbeat: Published) -> None:
        if not self.behind:
            self._put(b": heartbeat\n\n")

    # ── the answer ──────────────────────────────────────────────────────────────────────────────
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            self._guests.discard(self)
            await send({"type": "http.response.body", "body": b""})
            return
        self._hub.on_heartbeat.add(self._beat)
        gone = asyncio.create_task(_gone(receive))
        joining = asyncio.create_task(self._join())
        try:
            async with asyncio.timeout(LIFE_S):
                while not gone.done():
                    await self._send_some(send, gone)
                    if self._over and not self._waiting:
                        break
        except (TimeoutError, OSError):
            pass
        finally:
            self._over = True
            joining.cancel()
            gone.cancel()
            self._hub.on_heartbeat.discard(self._beat)
            self._guests.discard(self)
            for topic in self._topics:
                self._hub.leave(self._reader, topic)
        await send({"type": "http.response.body", "body": b""})

    async def _join(self) -> None:
        try:
            await asyncio.gather(
                *(self._hub.join(self._reader, topic, self._since) for topic in self._topics)
            )
        except CiftError as error:
            self.cut(error)

    async def _send_some(self, send: Send, gone: "asyncio.Task[None]") -> None:
        if not self._waiting:
            self._news.clear()
            news = asyncio.create_task(self._news.wait())
            await asyncio.wait((news, gone), return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            return
        parts: list[bytes] = []
        size = 0
        while self._waiting and size < CHUNK_BYTES:
            parts.append(self._waiting.popleft())
            size += len(parts[-1])
        self._bytes -= min(size, self._bytes)
        await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})
        if not self.behind:
            self._reader.drained()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def one_kind(channels: Sequence[str]) -> None:
    """Raises Refused where market channels and own ones are asked for together."""
    if len({channel in rules.OWN for channel in channels}) > 1:
        own = ", ".join(rules.OWN)
        raise Refused("invalid_request", f"{own} have a connection of their own", "channels")
