"""The WebSocket `/stream`: Alpaca's updates of an account's orders, as JSON in binary frames.

    → {"action": "authenticate", "data": {"key_id": …, "secret_key": …}}
    ← {"stream": "authorization", "data": {"status": "authorized", "action": "authenticate"}}
    → {"action": "listen", "data": {"streams": ["trade_updates"]}}
    ← {"stream": "listening", "data": {"streams": ["trade_updates"]}}
    ← {"stream": "trade_updates", "data": {"event": "fill", …}}

What a client misses while it is disconnected is not sent again here; `GET /v2/events/trades` replays it.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import orjson

from cift.alpaca.client_stream import ClientStream
from cift.alpaca.updates import CHANNELS, Updates
from cift.kernel.errors import CiftError, Unauthenticated
from cift.platform.identity import Trader, require
from cift.platform.postgres import Database
from cift.platform.socket import NORMAL, POLICY, Socket, SocketClosed, binary_frame
from cift.streams.rules import Topic
from cift.streams.streams import Streams
from cift.streams.views import Published

log = logging.getLogger("cift.alpaca")
STREAM = "trade_updates"
WAITING_MAX = 10_000
"""Messages that wait for the read model; beyond it the connection ends, because it would miss updates."""
RETRY_S = 0.2


class UpdateSocket(ClientStream):
    """A client of the updates of its orders."""

    def __init__(self, socket: Socket, streams: Streams, database: Database) -> None:
        super().__init__(socket, streams)
        self._database = database
        self._waiting: asyncio.Queue[Published] = asyncio.Queue(WAITING_MAX)
        self._sending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the connection until it ends."""
        try:
            if self._socket.trader is not None:
                self._log_in(self._socket.trader)
            while True:
                await self._handle(await self._socket.receive())
        except SocketClosed:
            pass
        finally:
            if self._sending is not None:
                self._sending.cancel()
            self._streams.connections.discard(self)
            self._unsubscribe(self._subscriber.topics)

    def offer(self, published: Published) -> bool:
        self.write(published)
        return True

    def write(self, published: Published) -> None:
        try:
            self._waiting.put_nowait(published)
        except asyncio.QueueFull:
            self._socket.close(POLICY, "slow_reader")

    def end(self, error: CiftError) -> None:
        self._send("authorization", {"status": "unauthorized", "action": "authenticate"})
        self._socket.close(POLICY, error.code)

    def _send(self, stream: str, data: dict[str, Any]) -> None:
        self._socket.write(binary_frame(orjson.dumps({"stream": stream, "data": data})))

    async def _handle(self, message: str | bytes) -> None:
        try:
            request = orjson.loads(message)
            action, data = request.get("action"), request.get("data") or {}
        except (orjson.JSONDecodeError, AttributeError):
            self._send("error", {"code": 40010000, "error_message": "request is not JSON"})
            return
        if action in ("authenticate", "auth"):
            await self._authenticate(data if action == "authenticate" else request)
        elif action == "listen":
            await self._listen([str(each) for each in data.get("streams", [])])
        else:
            self._send("error", {"code": 40010001, "error_message": f"unknown action {str(action)[:32]!r}"})

    async def _authenticate(self, data: dict[str, Any]) -> None:
        try:
            trader = await self._streams.identity.authenticate(*credential(data))
            require(trader, "read")
            self._log_in(trader)
        except CiftError as error:
            log.info("stream not authorized", extra={"reason": error.code})
            self._send("authorization", {"status": "unauthorized", "action": "authenticate"})
            return
        self._send("authorization", {"status": "authorized", "action": "authenticate"})

    def _log_in(self, trader: Trader) -> None:
        self._streams.connections.discard(self)
        self.trader = trader
        self._streams.connections.add(self)

    async def _listen(self, streams: list[str]) -> None:
        trader = self.trader
        if trader is None:
            self._send("authorization", {"status": "unauthorized", "action": "listen"})
            return
        topics = {Topic(channel, trader.account_id) for channel in CHANNELS} if STREAM in streams else set()
        await self._set_topics(topics)
        if topics and self._sending is None:
            updates = Updates(trader, self._database)
            self._sending = asyncio.create_task(self._send_updates(updates))
        self._send("listening", {"streams": [STREAM] if topics else []})

    async def _send_updates(self, updates: Updates) -> None:
        while True:
            published = await self._waiting.get()
            while True:
                try:
                    found = await updates.of(published)
                    break
                except CiftError:  # the read model is behind or unavailable
                    await asyncio.sleep(RETRY_S)
                except Exception:
                    log.exception("cannot send the updates of an account")
                    self._socket.close(NORMAL, "internal")
                    return
            for update in found:
                self._send(STREAM, {**update.body, "event_id": update.id})


def credential(data: dict[str, Any]) -> tuple[str | None, str | None, tuple[str, str] | None]:
    """The credential of a message: id and secret of a key, or a token beside `oauth`.

    Raises:
        Unauthenticated: it has none.
    """
    token = data.get("oauth_token")
    key = data.get("key_id") or data.get("key")
    secret = data.get("secret_key") or data.get("secret")
    if key == "oauth" and secret:
        token = secret
    if token:
        return f"Bearer {token}", None, None
    if not key or not secret:
        raise Unauthenticated("credential_required", "Send key and secret")
    return None, None, (str(key), str(secret))
