"""Massive's WebSocket and history, from its documentation: massive.com/docs/websocket/stocks (whose
examples are the messages below), /docs/rest/stocks, and the statuses of its published schema."""

import asyncio
import json
from typing import Any

from websockets.datastructures import Headers

from cift.kernel.clock import now_ns
from tests.feeds.provider import WAITING_BYTES_MAX, Client, Provider, cut

KEY = "mAsSiVeKeYmAsSiVeKeYmAsSiVeKeY00"
MESSAGES = {
    "connected": "Connected Successfully",
    "auth_success": "authenticated",
    "auth_failed": "authentication failed",
    "auth_timeout": "No authentication request received.",
    "auth_required": "auth required",
    "max_connections": "Maximum number of connections exceeded.",
    "slow_consumer": "client is too slow",
    "force_disconnect": "disconnected",
    "error": "not authorized",
}
POLICY_VIOLATION = 1008

# The documentation's own examples.
TRADE = {"ev": "T", "sym": "MSFT", "x": 4, "i": "12345", "z": 3, "p": 114.125, "s": 100, "c": [0, 12], "t": 1536036818784, "q": 3681328}  # fmt: skip  # noqa: E501
QUOTE = {"ev": "Q", "sym": "MSFT", "bx": 4, "bp": 114.125, "bs": 100, "ax": 7, "ap": 114.128, "as": 160, "c": 0, "i": [604], "t": 1536036818784, "q": 50385480, "z": 3}  # fmt: skip  # noqa: E501
SECOND = {"ev": "A", "sym": "SPCE", "v": 200, "av": 8642007, "op": 25.66, "vw": 25.3981, "o": 25.39, "c": 25.39, "h": 25.39, "l": 25.39, "a": 25.3714, "z": 50, "s": 1610144868000, "e": 1610144869000}  # fmt: skip  # noqa: E501
MINUTE = {"ev": "AM", "sym": "GTE", "v": 4110, "av": 9470157, "op": 0.4372, "vw": 0.4488, "o": 0.4488, "c": 0.4486, "h": 0.4489, "l": 0.4486, "a": 0.4352, "z": 685, "s": 1610144640000, "e": 1610144700000}  # fmt: skip  # noqa: E501
OLD_TRADE = {"conditions": [12, 37], "correction": 0, "exchange": 11, "id": "183276", "participant_timestamp": 1651181822461636600, "price": 156.43, "sequence_number": 7179341, "sip_timestamp": 1651181822461979400, "size": 10, "tape": 3, "trf_id": 3, "trf_timestamp": 1651181557090806500}  # fmt: skip  # noqa: E501
OLD_QUOTE = {"ask_exchange": 15, "ask_price": 155.87, "ask_size": 3, "bid_exchange": 19, "bid_price": 155.85, "bid_size": 4, "participant_timestamp": 1652191872800402200, "sequence_number": 19288684, "sip_timestamp": 1652191872800638700, "tape": 3}  # fmt: skip  # noqa: E501
DAY = {"v": 642646396.0, "vw": 1.469, "o": 1.5032, "c": 1.4604, "h": 1.5064, "l": 1.4489, "t": 1112331600000, "n": 82132}  # fmt: skip  # noqa: E501


def trade(symbol: str, number: int, price: float, size: int, **more: Any) -> dict[str, Any]:
    """A trade with the current time."""
    return {
        "ev": "T", "sym": symbol, "x": 4, "i": str(number), "z": 3, "p": price, "s": size, "c": [0],
        "t": now_ns() // 10**6, "q": 1_000 + number,
    } | more  # fmt: skip


def quote(symbol: str, number: int, bid: float, ask: float, size: int = 100, **more: Any) -> dict[str, Any]:
    """A quote with the current time."""
    return {
        "ev": "Q", "sym": symbol, "bx": 4, "bp": bid, "bs": size, "ax": 7, "ap": ask, "as": size,
        "t": now_ns() // 10**6, "q": 1_000 + number, "z": 3,
    } | more  # fmt: skip


def as_history(message: dict[str, Any]) -> dict[str, Any]:
    """The same trade or quote in the form of the history."""
    both = {"sip_timestamp": message["t"] * 10**6 + 123_456, "sequence_number": message["q"]}
    if message["ev"] == "T":
        return both | {
            "price": message["p"], "size": message["s"], "exchange": message["x"], "id": message["i"],
            "conditions": message["c"],
        }  # fmt: skip
    return both | {
        "bid_price": message["bp"], "bid_size": message["bs"], "ask_price": message["ap"],
        "ask_size": message["as"],
    }  # fmt: skip


class MassiveServer(Provider):
    def __init__(self) -> None:
        super().__init__()
        self.entitled = True
        self.auth_timeout_s = 10.0
        self.ignored_action: str | None = None
        """`auth` or `subscribe`: this message gets no response."""
        self.history: dict[str, list[dict[str, Any]]] = {}
        """Rows by path without parameters."""

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/stocks"

    async def serve(self, client: Client) -> None:
        await self.status(client, "connected")
        try:
            async with asyncio.timeout(self.auth_timeout_s) as limit:
                while not client.authenticated:
                    await self._handle(client, await client.socket.recv())
                limit.reschedule(None)
        except TimeoutError:
            await self.disconnect(client, "auth_timeout")
            return
        async for frame in client.socket:
            await self._handle(client, frame)

    async def _handle(self, client: Client, frame: bytes | str) -> None:
        message = json.loads(frame)
        action, parameters = message["action"], message["params"]
        if action == self.ignored_action:
            return
        if action == "auth":
            if parameters != KEY:
                await self.disconnect(client, "auth_failed")
                return
            for other in [each for each in self.clients if each.authenticated]:
                await self.disconnect(other, "max_connections")  # the newer connection stays
            client.authenticated = True
            await self.status(client, "auth_success")
        elif not client.authenticated:
            await self.status(client, "auth_required")
        elif not self.entitled:
            await self.status(client, "error")
        else:
            for topic in parameters.split(","):
                channel, _, symbol = topic.partition(".")
                client.topics.setdefault(channel, set()).add(symbol)
                await self.status(client, "success", f"subscribed to: {topic}")

    async def status(self, client: Client, status: str, message: str = "") -> None:
        await self.send(client, [{"ev": "status", "status": status, "message": message or MESSAGES[status]}])

    async def disconnect(self, client: Client, status: str) -> None:
        await self.status(client, status)
        await client.socket.close(POLICY_VIOLATION)

    async def send(self, client: Client, messages: list[dict[str, Any]]) -> None:
        await client.socket.send(json.dumps(messages))

    async def publish(self, *messages: dict[str, Any]) -> None:
        """Send to each client the messages that it subscribed to, in one array."""
        for client in list(self.clients):
            subscribed = [m for m in messages if m["sym"] in client.topics.get(m["ev"], ())]
            if not subscribed:
                continue
            if client.socket.transport.get_write_buffer_size() > WAITING_BYTES_MAX:
                await self.disconnect(client, "slow_consumer")
                continue
            await self.send(client, subscribed)

    async def subscribed(self) -> Client:
        """The client, once it has subscribed to quotes and trades."""
        await self.until(lambda: any({"T", "Q"} <= set(client.topics) for client in self.clients))
        return next(client for client in self.clients if client.topics)

    def is_authenticated(self, headers: Headers) -> bool:
        return headers.get("Authorization") == f"Bearer {KEY}"

    def page(self, path: str, parameters: dict[str, str]) -> dict[str, Any]:
        """A page with the URL of the next one."""
        found = [
            row
            for row in self.history[path]
            if int(parameters.get("timestamp.gte", 0))
            <= row.get("sip_timestamp", 0)
            <= int(parameters.get("timestamp.lte", 2**63))
        ]
        size = min(int(parameters.get("limit", 50_000)), self.page_rows)
        rows, following = cut(found, size, int(parameters.get("cursor", "0")))
        page: dict[str, Any] = {
            "status": "OK",
            "request_id": "756f9910624b35a47eb07f21a7a373bb",
            "results": rows,
        }
        if following is not None:
            since, until = parameters.get("timestamp.gte", "0"), parameters.get("timestamp.lte", str(2**63))
            page["next_url"] = (
                f"{self.rest_url}{path}?cursor={following}&timestamp.gte={since}&timestamp.lte={until}"
            )
        return page
