"""Alpaca's stream and history, from its documentation: docs.alpaca.markets, "WebSocket Stream",
"Real-time Stock Data" (whose examples are the messages below) and the historical endpoints."""

import asyncio
import json
from typing import Any

import msgpack
from websockets.datastructures import Headers

from cift.feeds.alpaca.history import precise
from cift.kernel.clock import now_ns, parse_rfc3339
from tests.feeds.provider import WAITING_BYTES_MAX, Client, Provider, cut

KEY, SECRET = "PKTESTTESTTESTTEST00", "sEcReTsEcReTsEcReTsEcReTsEcReTsEcReT0000"
ERRORS = {
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
    500: "internal error",
}
CHANNELS = {"t": "trades", "q": "quotes", "b": "bars", "u": "updatedBars", "d": "dailyBars", "s": "statuses",
            "l": "lulds", "c": "corrections", "x": "cancelErrors"}  # fmt: skip

# The documentation's own examples.
TRADE = {"T": "t", "i": 96921, "S": "AAPL", "x": "D", "p": 126.55, "s": 1, "t": "2021-02-22T15:51:44.208Z", "c": ["@", "I"], "z": "C"}  # fmt: skip  # noqa: E501
QUOTE = {"T": "q", "S": "AMD", "bx": "U", "bp": 87.66, "bs": 1, "ax": "Q", "ap": 87.68, "as": 4, "t": "2021-02-22T15:51:45.335689322Z", "c": ["R"], "z": "C"}  # fmt: skip  # noqa: E501
BAR = {"T": "b", "S": "SPY", "o": 388.985, "h": 389.13, "l": 388.975, "c": 389.12, "v": 49378, "n": 461, "vw": 389.062639, "t": "2021-02-22T19:15:00Z"}  # fmt: skip  # noqa: E501
CORRECTION = {"T": "c", "S": "EEM", "x": "M", "oi": 52983525033527, "op": 39.1582, "os": 440000, "oc": [" ", "7"], "ci": 52983525034326, "cp": 39.1809, "cs": 440000, "cc": [" ", "7"], "z": "B", "t": "2023-04-06T14:25:06.542305024Z"}  # fmt: skip  # noqa: E501
CANCEL = {"T": "x", "S": "GOOGL", "i": 465, "x": "D", "p": 105.31, "s": 300, "a": "C", "z": "C", "t": "2023-04-06T13:15:42.83540958Z"}  # fmt: skip  # noqa: E501
HALT = {"T": "s", "S": "AAPL", "sc": "H", "sm": "Trading Halt", "rc": "T12", "rm": "Trading Halted; For information requested by NASDAQ", "t": "2021-02-22T19:15:00Z", "z": "C"}  # fmt: skip  # noqa: E501
LULD = {"T": "l", "S": "IONM", "u": 3.24, "d": 2.65, "i": "B", "t": "2023-09-06T19:29:19.05063Z", "z": "C"}


def trade(
    symbol: str, number: int, price: float, size: int, at_ns: int | None = None, **more: Any
) -> dict[str, Any]:
    """A trade with the current time."""
    t = precise(now_ns() if at_ns is None else at_ns)
    return {
        "T": "t",
        "S": symbol,
        "i": number,
        "x": "V",
        "p": price,
        "s": size,
        "c": ["@"],
        "z": "B",
        "t": t,
    } | more


def quote(
    symbol: str, bid: float, ask: float, size: int = 100, at_ns: int | None = None, **more: Any
) -> dict[str, Any]:
    """A quote with the current time."""
    t = precise(now_ns() if at_ns is None else at_ns)
    return {"T": "q", "S": symbol, "bx": "V", "bp": bid, "bs": size, "ax": "V", "ap": ask, "as": size,
            "c": ["R"], "z": "B", "t": t} | more  # fmt: skip


class AlpacaServer(Provider):
    def __init__(self) -> None:
        super().__init__()
        self.feeds = {"iex"}
        """What the account's subscription includes."""
        self.symbols_max = 30
        self.connections_max = 1
        self.auth_timeout_s = 10.0
        self.ignored_action: str | None = None
        """`auth` or `subscribe`: this message gets no response."""
        self.refuses: int | None = None
        """The error code of the response to a subscription."""
        self.unknown: set[str] = set()
        """Symbols that the confirmation of a subscription omits."""
        self.history: dict[str, dict[str, list[dict[str, Any]]]] = {"trades": {}, "quotes": {}, "bars": {}}

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v2"

    async def serve(self, client: Client) -> None:
        await self.send(client, [{"T": "success", "msg": "connected"}])
        try:
            async with asyncio.timeout(self.auth_timeout_s) as limit:
                while not client.authenticated:
                    await self._handle(client, await client.socket.recv())
                limit.reschedule(None)
        except TimeoutError:
            await self.error(client, 404)
            return
        async for frame in client.socket:
            await self._handle(client, frame)

    async def _handle(self, client: Client, frame: bytes | str) -> None:
        try:
            message = msgpack.unpackb(frame) if isinstance(frame, bytes) else json.loads(frame)
            action = message["action"]
        except (ValueError, KeyError, TypeError):
            return await self.error(client, 400)
        if action == self.ignored_action:
            return None
        if action == "auth":
            return await self._authenticate(client, message)
        if action != "subscribe":
            return await self.error(client, 400)
        if not client.authenticated:
            return await self.error(client, 401)
        return await self._subscribe(client, message)

    async def _authenticate(self, client: Client, message: dict[str, Any]) -> None:
        assert client.socket.request is not None
        if client.authenticated:
            return await self.error(client, 403)
        if (message.get("key"), message.get("secret")) != (KEY, SECRET):
            return await self.error(client, 402)
        if client.socket.request.path.rpartition("/")[2] not in self.feeds:
            return await self.error(client, 409)
        if sum(other.authenticated for other in self.clients) >= self.connections_max:
            return await self.error(client, 406)
        client.authenticated = True
        return await self.send(client, [{"T": "success", "msg": "authenticated"}])

    async def _subscribe(self, client: Client, message: dict[str, Any]) -> None:
        if self.refuses is not None:
            return await self.error(client, self.refuses)
        for channel in CHANNELS.values():
            requested = set(message.get(channel, [])) - self.unknown
            if len(requested) > self.symbols_max:
                return await self.error(client, 405)
            client.topics.setdefault(channel, set()).update(requested)
        for channel in ("corrections", "cancelErrors"):
            client.topics[channel] = client.topics["trades"]  # included in the trades
        confirmed = {channel: sorted(client.topics[channel]) for channel in CHANNELS.values()}
        return await self.send(client, [{"T": "subscription", **confirmed}])

    async def error(self, client: Client, code: int) -> None:
        """Send an error and end the connection."""
        await self.send(client, [{"T": "error", "code": code, "msg": ERRORS[code]}])
        await client.socket.close()

    async def send(self, client: Client, messages: list[dict[str, Any]]) -> None:
        if client.packed:
            await client.socket.send(msgpack.packb([packed(m) if "t" in m else m for m in messages]))
        else:
            await client.socket.send(json.dumps(messages))

    async def publish(self, *messages: dict[str, Any]) -> None:
        """Send to each client the messages that it subscribed to, in one array."""
        for client in list(self.clients):
            subscribed = [m for m in messages if m["S"] in client.topics.get(CHANNELS[m["T"]], ())]
            if not subscribed:
                continue
            if client.socket.transport.get_write_buffer_size() > WAITING_BYTES_MAX:
                await self.error(client, 407)
                continue
            await self.send(client, subscribed)

    async def subscribed(self) -> Client:
        """The client, once it has subscribed."""
        await self.until(lambda: any(client.topics for client in self.clients))
        return next(client for client in self.clients if client.topics)

    def is_authenticated(self, headers: Headers) -> bool:
        return (headers.get("APCA-API-KEY-ID"), headers.get("APCA-API-SECRET-KEY")) == (KEY, SECRET)

    def page(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """Rows sorted by symbol, then time; the token is the position of the next page."""
        what = path.removeprefix("/v2/stocks/")
        start, end = parse_rfc3339(parameters["start"]), parse_rfc3339(parameters["end"])
        assert start is not None and end is not None
        found = [
            (symbol, row)
            for symbol in sorted(parameters["symbols"].split(","))
            for row in self.history[what].get(symbol, [])
            if start <= (parse_rfc3339(row["t"]) or 0) <= end
        ]
        size = min(int(parameters["limit"]), self.page_rows)
        rows, following = cut(found, size, int(parameters.get("page_token", "0")))
        by_symbol: dict[str, list[dict[str, Any]]] = {}
        for symbol, row in rows:
            by_symbol.setdefault(symbol, []).append(row)
        return {what: by_symbol, "next_page_token": None if following is None else str(following)}

    def add_history(self, what: str, *messages: dict[str, Any]) -> None:
        """Add messages to the history, in the form of the endpoints."""
        for message in messages:
            row = {name: value for name, value in message.items() if name not in ("T", "S")}
            self.history[what].setdefault(message["S"], []).append(row)


def packed(message: dict[str, Any]) -> dict[str, Any]:
    """The message with its time as a MessagePack timestamp."""
    at_ns = parse_rfc3339(message["t"])
    assert at_ns is not None
    return message | {"t": msgpack.Timestamp(at_ns // 10**9, at_ns % 10**9)}
