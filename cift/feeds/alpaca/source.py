"""Alpaca's market data WebSocket v2, to the port of `feed.py`.

Connected → authenticated (a message; 10 s are given) → subscribed → data. Control messages come alone,
data in arrays. MessagePack where asked for by the `Content-Type` of the upgrade, as Alpaca's own
library does; frames tell by themselves what they are. One connection an account and endpoint: after a
crash the old one may be counted for a while (406), so that is worth waiting for.
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
from cift.feeds.feed import Lost, Rejected, Session
from cift.feeds.outside import Tick
from cift.feeds.settings import AlpacaSettings, Hours
from cift.feeds.socket import ANSWER_TIMEOUT_S, Socket, one_line

REJECTIONS = frozenset((400, 401, 402, 403, 405, 409, 410))
"""Error codes that another try will not change: syntax, credentials, limits of the subscription."""
CONNECTION_LIMIT, SLOW_CLIENT = 406, 407
CONNECTION_LIMIT_WAIT_S = 10.0

log = logging.getLogger("cift.feeds.alpaca")


class AlpacaSource:
    name = "alpaca"
    patient = False

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
            await connection.say({"action": "auth", "key": settings.key, "secret": settings.secret})
            await connection.expect("authenticated")
            await connection.say(messages.subscription(self.symbols))
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
        """Data that came before the subscription was confirmed."""
        self._malformed = 0

    async def receive(self) -> Sequence[Tick]:
        if self._early:
            early, self._early = self._early, []
            return early
        return self._ticks(await self._messages())

    async def close(self) -> None:
        await self._socket.close()

    async def say(self, message: dict[str, Any]) -> None:
        if self._packed:
            import ormsgpack

            await self._socket.send(ormsgpack.packb(message))
        else:
            await self._socket.send(orjson.dumps(message).decode())

    async def expect(self, message: str) -> None:
        """Wait for a success of this name."""
        for found in await self._answer(f"'{message}'"):
            if found.get("T") == "success" and found.get("msg") == message:
                return
        raise Lost(f"Alpaca does not say '{message}'")

    async def subscribed(self, symbols: Sequence[str]) -> None:
        """Wait for the confirmation, keeping the data that comes before it."""
        while True:
            answer = await self._answer("what we are subscribed to")
            for found in answer:
                if found.get("T") == "subscription":
                    quoted = found.get("quotes") or []
                    missing = [symbol for symbol in symbols if symbol not in quoted and "*" not in quoted]
                    if missing:
                        log.warning("alpaca: not subscribed to %s", ", ".join(missing))
                    return
            self._early += self._ticks(answer)

    async def _answer(self, what: str) -> list[dict[str, Any]]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                found = await self._messages()
        except TimeoutError:
            raise Lost(f"Alpaca does not say {what} within {ANSWER_TIMEOUT_S:g} s") from None
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
            raise Lost(f"Alpaca sends what cannot be read: {one_line(problem)}") from problem
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise Lost("Alpaca sends what is no array of messages")
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
                if self._malformed == 1:  # of each connection: a change of schema would fill the log
                    log.warning("alpaca: a message cannot be understood: %s", one_line(problem))
                continue
            if tick is not None:
                ticks.append(tick)
        return ticks


def _error(message: dict[str, Any]) -> Lost | Rejected:
    code, said = message.get("code"), one_line(message.get("msg", "no reason"))
    reason = f"{said} ({code})"
    if code in REJECTIONS:
        return Rejected(reason)
    if code == SLOW_CLIENT:
        return Lost(f"{reason}: we did not read fast enough")
    return Lost(reason, CONNECTION_LIMIT_WAIT_S if code == CONNECTION_LIMIT else 0.0)
