"""Massive's WebSocket as a source (`feed.py`): JSON arrays; messages with `ev: status` are control messages.

`connected` → auth → `auth_success` → subscribe → one `success` per topic, with data in between. Massive
allows one connection per key: a newer one ends the older one (`max_connections`). So a disconnected
exchange waits `CONNECTION_LIMIT_WAIT_S` before it reconnects, which ends the other connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson

from cift.feeds import hours
from cift.feeds.feed import FeedRejected, FeedUnavailable, Session
from cift.feeds.massive import messages
from cift.feeds.massive.history import History
from cift.feeds.outside import Tick
from cift.feeds.settings import Hours, MassiveSettings
from cift.feeds.socket import RESPONSE_TIMEOUT_S, Socket, one_line

REJECTIONS = frozenset(("auth_failed", "auth_required", "error"))
LOSSES = frozenset(("auth_timeout", "max_connections", "force_disconnect", "slow_consumer"))
CONNECTION_LIMIT = "max_connections"
CONNECTION_LIMIT_WAIT_S = 60.0

log = logging.getLogger("cift.feeds.massive")


class MassiveSource:
    name = "massive"
    waits_for_engine = False

    def __init__(self, settings: MassiveSettings, symbols: Sequence[str], hours: Hours) -> None:
        self.symbols = symbols
        self._settings, self._hours = settings, hours

    def session(self, now_ns: int) -> Session | None:
        return hours.session(self._hours, now_ns)

    async def connect(self) -> MassiveConnection:
        connection = MassiveConnection(await Socket.open(self._settings.url, {}))
        try:
            await connection.expect("connected")
            await connection.send({"action": "auth", "params": self._settings.key})
            await connection.expect("auth_success")
            await connection.send(messages.subscription(self.symbols))
            await connection.expect("success")
        except BaseException:
            await connection.close()
            raise
        return connection

    async def missed(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        async with History(self._settings) as history:
            for symbol in self.symbols:
                async for page in history.trades(symbol, since_ns, until_ns):
                    yield page
                async for page in history.quotes(symbol, since_ns, until_ns):
                    yield page


class MassiveConnection:
    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._early: list[Tick] = []
        """Data received before the first subscription was confirmed."""
        self._malformed = 0

    async def receive(self) -> Sequence[Tick]:
        if self._early:
            early, self._early = self._early, []
            return early
        return self._read(await self._messages())[0]

    async def close(self) -> None:
        await self._socket.close()

    async def send(self, message: dict[str, str]) -> None:
        await self._socket.send(orjson.dumps(message).decode())

    async def expect(self, status: str) -> None:
        """Wait for this status."""
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                while True:
                    ticks, statuses = self._read(await self._messages())
                    self._early += ticks
                    if status in statuses:
                        return
        except TimeoutError:
            raise FeedUnavailable(
                f"Massive did not send '{status}' within {RESPONSE_TIMEOUT_S:g} s"
            ) from None

    async def _messages(self) -> list[dict[str, Any]]:
        frame = await self._socket.receive()
        try:
            found = orjson.loads(frame)
        except ValueError as problem:
            raise FeedUnavailable(
                f"Massive sent a frame that cannot be decoded: {one_line(problem)}"
            ) from problem
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise FeedUnavailable("Massive sent a frame that is not an array of messages")
        return found

    def _read(self, found: list[dict[str, Any]]) -> tuple[list[Tick], set[str]]:
        """The ticks, and the statuses. Raises FeedRejected or FeedUnavailable for the statuses that mean
        it."""
        ticks: list[Tick] = []
        statuses: set[str] = set()
        for each in found:
            if each.get("ev") == "status":
                status = str(each.get("status"))
                reason = f"{one_line(each.get('message', 'no reason'))} ({status})"
                if status in REJECTIONS:
                    raise FeedRejected(reason)
                if status in LOSSES:
                    raise FeedUnavailable(
                        reason, CONNECTION_LIMIT_WAIT_S if status == CONNECTION_LIMIT else 0.0
                    )
                statuses.add(status)
                continue
            try:
                tick = messages.tick(each)
            except messages.Malformed as problem:
                self._malformed += 1
                if self._malformed == 1:  # once per connection: a change of schema would fill the log
                    log.warning("massive: a message has an unexpected form: %s", one_line(problem))
                continue
            if tick is not None:
                ticks.append(tick)
        return ticks, statuses
