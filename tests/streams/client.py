"""A client of the streams, written from docs/streams.md and docs/book-protocol.md alone; it imports
nothing of `cift`. It compares messages with functions/asyncapi.gen.json."""

import asyncio
import json
import zlib
from collections import Counter
from decimal import Decimal
from typing import Any

import ormsgpack
import websockets
from websockets.asyncio.client import ClientConnection

from tests.streams import documented

PATH = "/api/v1/market-data/ws/stream"
WAIT_S = 60.0
DEPTH = 100
COMPARED_MAX = 50
"""Messages of a type that a connection compares with the document: some tests receive many thousands."""


class Client:
    """One connection and all messages it has received."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.received: list[dict[str, Any]] = []
        self._types: Counter[str] = Counter()

    @classmethod
    async def open(
        cls, url: str, *, headers: dict[str, str] | None = None, query: str = "", **more: Any
    ) -> "Client":
        address = url.replace("http", "ws", 1) + PATH + query
        # Without pings: this side would close a connection that is only slow.
        more = {"open_timeout": WAIT_S, "ping_interval": None, **more}
        return cls(await websockets.connect(address, additional_headers=headers, max_size=2**22, **more))

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()

    async def send(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self, timeout_s: float = WAIT_S) -> dict[str, Any]:
        """The next message."""
        raw = await asyncio.wait_for(self.connection.recv(), timeout_s)
        message: dict[str, Any] = json.loads(raw) if isinstance(raw, str) else ormsgpack.unpackb(raw)
        self.received.append(message)
        self._types[message["type"]] += 1
        if self._types[message["type"]] <= COMPARED_MAX:
            documented.check(message)
        return message

    async def until(self, kind: str, **fields: Any) -> dict[str, Any]:
        """The next message of that type with these fields; others are received on the way."""
        while True:
            message = await self.next()
            if message["type"] == kind and fields.items() <= message.items():
                return message
            assert message["type"] != "error" or kind == "error", message

    async def subscribe(self, *symbols: str, channels: list[str], **more: Any) -> dict[str, Any]:
        """Subscribe, and wait for the response."""
        named = {"symbols": list(symbols)} if symbols else {}
        await self.send(action="subscribe", channels=channels, **named, **more)
        return await self.until("subscribed")

    async def closed(self) -> tuple[int, str]:
        """Waits until the other side closes; returns code and reason."""
        try:
            while True:
                await self.next()
        except websockets.ConnectionClosed as ended:
            assert ended.rcvd is not None, "a close frame was received"
            return ended.rcvd.code, ended.rcvd.reason

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All received messages of a type."""
        return [message for message in self.received if message["type"] == kind]


class MismatchError(Exception):
    """A change is missing, or the checksum differs."""


class Book:
    """A book kept from the channel `book`, by the rules of docs/book-protocol.md."""

    def __init__(self) -> None:
        self.sequence = -1
        self.sides: dict[str, dict[str, str]] = {"bids": {}, "asks": {}}
        self.checked = 0

    def apply(self, message: dict[str, Any]) -> None:
        """Apply a message of the channel. Raises MismatchError."""
        if message["snapshot"]:
            self.sides = {name: {p: q for p, q, _ in message[name]} for name in ("bids", "asks")}
        else:
            if message["sequence"] <= self.sequence:
                return
            if message["previous"] > self.sequence:
                raise MismatchError("a change is missing")
            for name, side in self.sides.items():
                for price, quantity, _ in message[name]:
                    if Decimal(quantity):
                        side[price] = quantity
                    else:
                        side.pop(price, None)
                for price, _ in self.best(name)[DEPTH:]:
                    del side[price]
        self.sequence = message["sequence"]
        if message["checksum"] is not None:
            self.checked += 1
            if message["checksum"] != self.checksum():
                raise MismatchError(f"checksum of {message}")

    def best(self, name: str) -> list[tuple[str, str]]:
        """Price and quantity, best first."""
        return sorted(self.sides[name].items(), key=lambda each: Decimal(each[0]), reverse=name == "bids")

    def checksum(self) -> int:
        text = ""
        for name in ("asks", "bids"):
            for price, quantity in self.best(name)[:10]:
                text += price.replace(".", "").lstrip("0") + quantity.replace(".", "").lstrip("0")
        return zlib.crc32(text.encode())
