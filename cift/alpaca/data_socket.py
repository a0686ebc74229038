"""The WebSockets `/v2/{feed}` and `/v1beta3/crypto/{loc}`: Alpaca's live market data, as JSON or MessagePack.

The header Content-Type of the handshake chooses the format. In MessagePack a time is the Timestamp extension,
without which Alpaca's own client fails. Every message is an array. A client authenticates by the handshake or
within `AUTH_TIMEOUT_S`, and subscribes to channels of symbols; `*` is every symbol. The feed `test` has one
symbol, FAKEPACA, which has a quote, a trade and a bar around the clock.

`trades`, `quotes` and `bars` carry messages. `updatedBars`, `dailyBars`, `statuses`, `lulds`, `corrections`
and `cancelErrors` can be subscribed to and carry none.
"""

from __future__ import annotations

import asyncio
import struct
import time
from typing import Any

import orjson
import ormsgpack

from cift.alpaca import market
from cift.alpaca.client_stream import ClientStream
from cift.alpaca.update_socket import credential
from cift.kernel.clock import parse_rfc3339, rfc3339_ns
from cift.kernel.errors import CiftError, Refused, Unauthenticated
from cift.platform.identity import Trader, require
from cift.platform.socket import POLICY, Socket, SocketClosed, binary_frame, text_frame
from cift.streams.rules import Topic
from cift.streams.streams import Streams
from cift.streams.views import Published

AUTH_TIMEOUT_S = 10.0
SUBSCRIPTIONS_MAX = 1_000
FEEDS = ("iex", "sip", "delayed_sip", "otc", "boats", "overnight", "us", "us-1", "test")
TEST_SYMBOL, TEST_EVERY_S, TEST_PRICE = "FAKEPACA", 0.5, 100.0
_LIVE = {"trades": "trades", "quotes": "quotes", "bars": "bars"}
_SILENT = ("updatedBars", "dailyBars", "statuses", "lulds", "orderbooks")
_AUTOMATIC = ("corrections", "cancelErrors")
_ERRORS = {
    400: "invalid syntax",
    401: "not authenticated",
    402: "auth failed",
    403: "already authenticated",
    404: "auth timeout",
    405: "symbol limit exceeded",
    406: "connection limit exceeded",
    407: "slow client",
    409: "insufficient subscription",
    410: "invalid subscribe action for this feed",
    411: "insufficient scope",
    500: "internal error",
}
_MARK = 100
"""A free extension type: ormsgpack cannot write the type -1 of timestamps, so it is put in afterwards."""


def _timestamp(nanoseconds: int) -> bytes:
    """The 64-bit form of MessagePack's Timestamp extension."""
    seconds, rest = divmod(nanoseconds, 10**9)
    return struct.pack("!Q", rest << 34 | seconds)


def packed(body: dict[str, Any], at: int) -> bytes:
    """A message as MessagePack; `at`: its field `t`, in ns since the epoch."""
    time_bytes = _timestamp(at)
    data = ormsgpack.packb([{**body, "t": ormsgpack.Ext(_MARK, time_bytes)}])
    return data.replace(b"\xd7" + bytes((_MARK,)) + time_bytes, b"\xd7\xff" + time_bytes)


def message_of(published: Published) -> tuple[dict[str, Any], int] | None:
    """A message of our streams in Alpaca's form, and its time in ns; None: it has no such form."""
    body, at = published.body, published.at
    match body["type"]:
        case "trade":
            sequence, index = published.id or (0, 0)
            here = body["source"] == "exchange"
            return {
                "T": "t",
                "S": body["symbol"],
                "i": market.trade_id(sequence, index),
                "x": market.HERE if here else market.OUTSIDE,
                "p": float(body["price"]),
                "s": _number(body["quantity"]),
                "c": ["@"],
                "z": "C",
            }, at
        case "quote":
            return {
                "T": "q",
                "S": body["symbol"],
                "ax": market.HERE,
                "ap": float(body["ask"] or 0),
                "as": _number(body["ask_quantity"] or "0"),
                "bx": market.HERE,
                "bp": float(body["bid"] or 0),
                "bs": _number(body["bid_quantity"] or "0"),
                "c": ["R"],
                "z": "C",
            }, at
        case "bar":
            return {
                "T": "b",
                "S": body["symbol"],
                "o": float(body["open"]),
                "h": float(body["high"]),
                "l": float(body["low"]),
                "c": float(body["close"]),
                "v": _number(body["volume"]),
                "n": body["trades"],
                "vw": float(body["vwap"]),
            }, parse_rfc3339(body["start"]) or at
    return None


def _number(text: str) -> float | int:
    return float(text) if "." in text else int(text)


class DataSocket(ClientStream):
    """A client of market data."""

    def __init__(self, socket: Socket, streams: Streams) -> None:
        super().__init__(socket, streams)
        self._packed = "msgpack" in socket.content_type
        self._wanted: dict[str, set[str]] = {name: set() for name in (*_LIVE, *_SILENT)}
        self._is_test = socket.path.get("feed") == "test"
        self._testing: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve the connection until it ends."""
        feed = self._socket.path.get("feed") or self._socket.path.get("loc") or ""
        if feed not in FEEDS:
            self._error(409)
            self._socket.close(POLICY, "unknown_feed")
            return
        self._socket.on_drain = self._subscriber.drained
        try:
            self._send([{"T": "success", "msg": "connected"}])
            if self._socket.trader is not None:
                self._log_in(self._socket.trader)
            async with asyncio.timeout(None if self.trader is not None else AUTH_TIMEOUT_S) as limit:
                while self.trader is None:
                    await self._handle(await self._socket.receive())
                limit.reschedule(None)
            while True:
                await self._handle(await self._socket.receive())
        except TimeoutError:
            self._error(404)
            self._socket.close(POLICY, "auth_timeout")
        except SocketClosed:
            pass
        finally:
            if self._testing is not None:
                self._testing.cancel()
            self._streams.connections.discard(self)
            self._unsubscribe(self._subscriber.topics)
            self._socket.on_drain = None

    def offer(self, published: Published) -> bool:
        if self._socket.full:
            return False
        self.write(published)
        return True

    def write(self, published: Published) -> None:
        found = message_of(published)
        if found is not None:
            self._send_data(*found)

    def end(self, error: CiftError) -> None:
        self._error(407 if error.code == "slow_reader" else 402 if error.status == 401 else 406)
        self._socket.close(POLICY, error.code)

    def _send(self, messages: list[dict[str, Any]]) -> None:
        frame = (
            binary_frame(ormsgpack.packb(messages)) if self._packed else text_frame(orjson.dumps(messages))
        )
        self._socket.write(frame)

    def _send_data(self, body: dict[str, Any], at: int) -> None:
        if self._packed:
            self._socket.write(binary_frame(packed(body, at)))
        else:
            self._socket.write(text_frame(orjson.dumps([{**body, "t": rfc3339_ns(at)}])))

    def _error(self, code: int) -> None:
        self._send([{"T": "error", "code": code, "msg": _ERRORS[code]}])

    async def _handle(self, message: str | bytes) -> None:
        try:
            request = ormsgpack.unpackb(message) if self._packed and isinstance(message, bytes) else None
            request = orjson.loads(message) if request is None else request
            action = request["action"]
        except (ValueError, TypeError, KeyError):
            self._error(400)
            return
        if action == "auth":
            await self._authenticate(request)
        elif self.trader is None:
            self._error(401)
        elif action in ("subscribe", "unsubscribe"):
            await self._change(request, add=action == "subscribe")
        else:
            self._error(400)

    async def _authenticate(self, request: dict[str, Any]) -> None:
        if self.trader is not None:
            self._error(403)
            return
        try:
            trader = await self._streams.identity.authenticate(*credential(request))
            require(trader, "read")
            self._log_in(trader)
        except Unauthenticated:
            self._error(402)
        except Refused:
            self._error(406)
        except CiftError as error:
            self._error(411 if error.status == 403 else 500)

    def _log_in(self, trader: Trader) -> None:
        self.trader = trader
        try:
            self._streams.connections.add(self)
        except Refused:
            self.trader = None
            raise
        self._send([{"T": "success", "msg": "authenticated"}])

    async def _change(self, request: dict[str, Any], *, add: bool) -> None:
        wanted = {name: set(symbols) for name, symbols in self._wanted.items()}
        for name, symbols in request.items():
            if name in ("action", *_AUTOMATIC):
                continue
            if name not in wanted or not isinstance(symbols, list):
                self._error(410 if name not in wanted else 400)
                return
            names = {str(each).upper() for each in symbols}
            wanted[name] = wanted[name] | names if add else wanted[name] - names
        try:
            await self._subscribe(wanted)
        except CiftError as error:
            self._error(405 if error.code == "too_many_subscriptions" else 500)
            return
        self._wanted = wanted
        listing: dict[str, Any] = {name: sorted(symbols) for name, symbols in wanted.items()}
        for name in _AUTOMATIC:
            listing[name] = listing["trades"]
        self._send([{"T": "subscription", **listing}])
        if self._is_test and self._testing is None:
            self._testing = asyncio.create_task(self._send_test())

    async def _subscribe(self, wanted: dict[str, set[str]]) -> None:
        """Subscribe to what is wanted and exists. Raises CiftError."""
        if self._is_test:
            return
        names = {symbol for channel in _LIVE for symbol in wanted[channel]}
        known = await self._streams.hub.symbols(tuple(names - {"*"}))
        topics = {
            Topic(ours, symbol)
            for theirs, ours in _LIVE.items()
            for symbol in (known if "*" in wanted[theirs] else wanted[theirs] & known)
        }
        if len(topics) > SUBSCRIPTIONS_MAX:
            raise Refused("too_many_subscriptions", f"{len(topics)} subscriptions exceed {SUBSCRIPTIONS_MAX}")
        await self._set_topics(topics)

    async def _send_test(self) -> None:
        """The test feed: the same prices for ever, so that a client can be tried at any time."""
        number = 0
        while not self._socket.closed:
            number += 1
            for channel, body in _test_messages(number).items():
                if TEST_SYMBOL in self._wanted[channel] and not self._socket.full:
                    self._send_data(body, time.time_ns())
            await asyncio.sleep(TEST_EVERY_S)


def _test_messages(number: int) -> dict[str, dict[str, Any]]:
    price = TEST_PRICE + number % 10 / 100
    common = {"S": TEST_SYMBOL, "z": "C"}
    return {
        "trades": {"T": "t", **common, "i": number, "x": "C", "p": price, "s": 1, "c": ["@"]},
        "quotes": {
            "T": "q",
            **common,
            "c": ["R"],
            "ax": "C",
            "ap": price + 0.01,
            "as": 1,
            "bx": "C",
            "bp": price - 0.01,
            "bs": 1,
        },
        "bars": {
            "T": "b",
            "S": TEST_SYMBOL,
            "o": price,
            "h": price,
            "l": price,
            "c": price,
            "v": 1,
            "n": 1,
            "vw": price,
        },
    }
