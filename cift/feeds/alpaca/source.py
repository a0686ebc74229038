"""Alpaca's market data WebSocket v2 as a source (`feed.py`).

Connected → authenticated (by a message, within 10 s) → subscribed → data. Control messages are sent
alone, data in arrays. The format is MessagePack if the `Content-Type` of the upgrade requests it, as
Alpaca's own library does; binary frames are MessagePack, text frames JSON. Alpaca allows one connection
per account and endpoint. After a crash the old one may still be counted for a while (406), so that error
is retried.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson

from cift.feeds import hours
from cift.feeds.alpaca import messages
from cift.feeds.alpaca.history import History
from cift.feeds.feed import FeedRejected, FeedUnavailable, Session
from cift.feeds.outside import Tick
from cift.feeds.settings import AlpacaSettings, Hours
from cift.feeds.socket import RESPONSE_TIMEOUT_S, Socket, one_line

REJECTIONS = frozenset((400, 401, 402, 403, 405, 409, 410))
"""Error codes that a retry does not change: syntax, credentials, limits of the subscription."""
CONNECTION_LIMIT, SLOW_CLIENT = 406, 407
CONNECTION_LIMIT_WAIT_S = 10.0

log = logging.getLogger("cift.feeds.alpaca")


class AlpacaSource:
    name = "alpaca"
    waits_for_engine = False

    def __init__(self, settings: AlpacaSettings, symbols: Sequence[str], hours: Hours) -> None:
        self.symbols = symbols
        self._settings, self._hours = settings, hours

    def session(self, now_ns: int) -> Session | None:
        return hours.session(self._hours, now_ns)

    async def connect(self) -> AlpacaConnection:
        settings = self._settings
        packed = settings.codec == "msgpack"
        headers = {"Content-Type": "application/msgpack"} if packed else {}
        connection = AlpacaConnection(await Socket.open(f"{settings.url}/{settings.feed}", headers), packed)
        try:
            await connection.expect("connected")
            await connection.send({"action": "auth", "key": settings.key, "secret": settings.secret})
            await connection.expect("authenticated")
            await connection.send(messages.subscription(self.symbols))
            await connection.subscribed(self.symbols)
        except BaseException:
            await connection.close()
            raise
        return connection

    async def missed(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        async with History(self._settings) as history:
            async for page in history.trades(self.symbols, since_ns, until_ns):
                yield page
            async for page in history.quotes(self.symbols, since_ns, until_ns):
                yield page


class AlpacaConnection:
    def __init__(self, socket: Socket, packed: bool) -> None:
        self._socket, self._packed = socket, packed
        self._early: list[Tick] = []
        """Data received before the subscription was confirmed."""
        self._malformed = 0

    async def receive(self) -> Sequence[Tick]:
        if self._early:
            early, self._early = self._early, []
            return early
        return self._ticks(await self._messages())

    async def close(self) -> None:
        await self._socket.close()

    async def send(self, message: dict[str, Any]) -> None:
        if self._packed:
            import ormsgpack

            await self._socket.send(ormsgpack.packb(message))
        else:
            await self._socket.send(orjson.dumps(message).decode())

    async def expect(self, message: str) -> None:
        """Wait for the success message with this text."""
        for found in await self._response(f"'{message}'"):
            if found.get("T") == "success" and found.get("msg") == message:
                return
        raise FeedUnavailable(f"Alpaca sent another message than '{message}'")

    async def subscribed(self, symbols: Sequence[str]) -> None:
        """Wait for the confirmation of the subscription; keep the data received before it."""
        while True:
            response = await self._response("the subscription's confirmation")
            for found in response:
                if found.get("T") == "subscription":
                    quoted = found.get("quotes") or []
                    missing = [symbol for symbol in symbols if symbol not in quoted and "*" not in quoted]
                    if missing:
                        log.warning("alpaca: not subscribed to %s", ", ".join(missing))
                    return
            self._early += self._ticks(response)

    async def _response(self, what: str) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(RESPONSE_TIMEOUT_S):
                found = await self._messages()
        except TimeoutError:
            raise FeedUnavailable(f"Alpaca did not send {what} within {RESPONSE_TIMEOUT_S:g} s") from None
        for each in found:
            if each.get("T") == "error":
                raise _error(each)
        return found

    async def _messages(self) -> list[dict[str, Any]]:
        frame = await self._socket.receive()
        try:
            if isinstance(frame, bytes):
                import ormsgpack

                found = ormsgpack.unpackb(frame, ext_hook=messages.extension)
            else:
                found = orjson.loads(frame)
        except ValueError as problem:
            raise FeedUnavailable(
                f"Alpaca sent a frame that cannot be decoded: {one_line(problem)}"
            ) from problem
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise FeedUnavailable("Alpaca sent a frame that is not an array of messages")
        return found

    def _ticks(self, found: list[dict[str, Any]]) -> list[Tick]:
        ticks = []
        for each in found:
            if each.get("T") == "error":
                raise _error(each)
            try:
                tick = messages.tick(each)
            except messages.Malformed as problem:
                self._malformed += 1
                if self._malformed == 1:  # once per connection: a change of schema would fill the log
                    log.warning("alpaca: a message has an unexpected form: %s", one_line(problem))
                continue
            if tick is not None:
                ticks.append(tick)
        return ticks


def _error(message: dict[str, Any]) -> FeedUnavailable | FeedRejected:
    code = message.get("code")
    reason = f"{one_line(message.get('msg', 'no reason'))} ({code})"
    if code in REJECTIONS:
        return FeedRejected(reason)
    if code == SLOW_CLIENT:
        return FeedUnavailable(f"{reason}: messages were not read fast enough")
    return FeedUnavailable(reason, CONNECTION_LIMIT_WAIT_S if code == CONNECTION_LIMIT else 0.0)
