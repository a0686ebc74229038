"""Connections to the streams; the book of a symbol, by docs/book-protocol.md, for `cift book`."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from cift.cli.client import PREFIX, Failed

PATH = f"{PREFIX}/market-data/ws/stream"
DEPTH = 100
CHECKSUM_DEPTH = 10
OPEN_TIMEOUT_S = 10.0
SILENCE_MAX_S = 40.0
"""Heartbeats arrive every 15 s. After this silence the connection is considered lost."""
RECONNECT_AFTER_S = 1.0
REDRAW_EVERY_S = 1.0
"""An unchanged book is drawn again after this time, to advance its clock."""
MESSAGE_BYTES_MAX = 4 * 1024 * 1024

Side = dict[str, tuple[str, int]]


class _Outdated(Exception):
    """An update is missing, or the checksum differs: a new snapshot is needed."""


class Book:
    """The visible book of one symbol."""

    def __init__(self) -> None:
        self.sequence = -1
        self.sides: dict[str, Side] = {"bids": {}, "asks": {}}

    def apply(self, message: dict[str, Any]) -> None:
        """Apply a message of the channel `book`."""
        if message["snapshot"]:
            self.sides = {"bids": {}, "asks": {}}
        elif message["sequence"] <= self.sequence:
            return
        elif message["previous"] > self.sequence:
            raise _Outdated
        for name, side in self.sides.items():
            for price, quantity, orders in message[name]:
                if quantity == "0":
                    side.pop(price, None)
                else:
                    side[price] = (quantity, orders)
            for price in self.best(name)[DEPTH:]:
                del side[price]
        self.sequence = message["sequence"]
        if message["checksum"] not in (None, self._checksum()):
            raise _Outdated

    def best(self, name: str) -> list[str]:
        """Prices, best first."""
        return sorted(self.sides[name], key=Decimal, reverse=name == "bids")

    def view(self, symbol: str, depth: int) -> dict[str, Any]:
        """The book in the form of `GET book/{symbol}`."""
        levels: dict[str, Any] = {"symbol": symbol, "sequence": self.sequence}
        for name, side in self.sides.items():
            levels[name] = [
                {"price": price, "quantity": side[price][0], "orders": side[price][1]}
                for price in self.best(name)[:depth]
            ]
        return levels

    def _checksum(self) -> int:
        digits = ""
        for name in ("asks", "bids"):
            for price in self.best(name)[:CHECKSUM_DEPTH]:
                quantity = self.sides[name][price][0]
                digits += price.replace(".", "").lstrip("0") + quantity.replace(".", "").lstrip("0")
        return zlib.crc32(digits.encode())


def follow(url: str, symbol: str, depth: int, every_s: float) -> Iterator[dict[str, Any] | Failed]:
    """Yield the book whenever it changes, at most every `every_s` seconds, without end.

    A lost connection yields a `Failed` and is restored.

    Raises:
        Failed: the symbol is unknown, or the server is not an exchange.
    """
    while True:
        try:
            with opened(url) as connection:
                yield from _follow(connection, symbol.upper(), depth, every_s)
        except _Outdated:
            continue
        except (OSError, WebSocketException, TimeoutError):
            yield Failed("unreachable", f"no exchange answers at {url}; trying again")
            time.sleep(RECONNECT_AFTER_S)


def opened(url: str, headers: dict[str, str] | None = None) -> ClientConnection:
    """A connection to the streams. Raises Failed: the server refused it."""
    try:
        return connect(
            url.replace("http", "ws", 1) + PATH,
            additional_headers=headers,
            open_timeout=OPEN_TIMEOUT_S,
            max_size=MESSAGE_BYTES_MAX,
            compression=None,
        )
    except InvalidStatus as refused:
        status = refused.response.status_code
        if status in (401, 403, 429):
            body = json.loads(refused.response.body or b"{}")
            raise Failed(body.get("code", "refused"), body.get("message", f"HTTP {status}")) from None
        if status < 500:
            raise Failed("unexpected_answer", f"HTTP {status} from {url}{PATH}") from None
        raise


def _follow(
    connection: ClientConnection, symbol: str, depth: int, every_s: float
) -> Iterator[dict[str, Any]]:
    connection.send(json.dumps({"action": "subscribe", "symbols": [symbol], "channels": ["book"]}))
    book, changed, shown_at, received_at = Book(), False, 0.0, time.monotonic()
    while True:
        now = time.monotonic()
        if now - received_at > SILENCE_MAX_S:
            raise TimeoutError
        due_s = shown_at + (every_s if changed else REDRAW_EVERY_S) - now
        if book.sequence >= 0 and due_s <= 0:
            yield book.view(symbol, depth)
            changed, shown_at = False, time.monotonic()
            continue
        try:
            message = json.loads(connection.recv(max(due_s, every_s)))
        except TimeoutError:
            continue
        received_at = time.monotonic()
        if message["type"] == "book":
            book.apply(message)
            changed = True
        elif message["type"] == "error":
            raise Failed(message["code"], message["message"])
