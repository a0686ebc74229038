"""A book kept from a snapshot and the changes after it, cut to what clients are shown. Pure.

docs/book-protocol.md is the contract with clients: the best `DEPTH` levels a side; a change gives a level's
new total, 0 = gone; a client drops what lies beyond the depth. So a level that comes into sight because a
better one went must be told, and is.

The keeper knows more levels than it shows, down to a horizon where the engine's answer was cut off. When
fewer than `DEPTH` are left above it, it cannot say what comes into sight: `apply` raises `Lost`.
"""

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import Any

from cift.kernel.clock import rfc3339
from cift.kernel.money import format_nanos, parse_nanos
from cift.streams.rules import Id, text_of
from cift.streams.views import Message, Published

DEPTH = 100
"""Levels a side that clients are shown."""
KNOWN = 1_000
"""Levels a side that are asked for: the engine's most."""
CHECKSUM_DEPTH = 10

Level = tuple[int, int, int]
"""Price, quantity (nanos), orders."""


class Lost(Exception):
    """What is known does not reach deep enough any more: a new snapshot is needed."""


def checksum(bids: Iterable[Level], asks: Iterable[Level]) -> int:
    """CRC-32 in the form of Kraken's book channel (v2): the best ten asks, then the best ten bids, each its
    price and quantity as written, without point and leading zeros. `matchd/src/checksum.rs` is its twin."""
    digits: list[str] = []
    for side in (asks, bids):
        for number, (price, quantity, _) in enumerate(side):
            if number == CHECKSUM_DEPTH:
                break
            digits += (_digits(price), _digits(quantity))
    return zlib.crc32("".join(digits).encode())


def _digits(nanos: int) -> str:
    return format_nanos(nanos).replace(".", "").lstrip("0")


class _Side:
    """Levels by key: ascending keys are best first (bids have negative ones)."""

    __slots__ = ("horizon", "keys", "levels", "shown", "sign")

    def __init__(self, sign: int, levels: Iterable[Level]) -> None:
        self.sign = sign
        self.levels = {sign * price: (price, quantity, orders) for price, quantity, orders in levels}
        self.keys = sorted(self.levels)
        self.horizon = self.keys[-1] if len(self.keys) >= KNOWN else None
        """Beyond it nothing is known; None: there is nothing beyond."""
        self.shown = set(self.keys[:DEPTH])

    def best(self) -> list[Level]:
        return [self.levels[key] for key in self.keys[:DEPTH]]

    def change(self, changes: list[Level]) -> list[Level]:
        """Apply; return what of it, and what came into sight, clients are to be told. Raises Lost."""
        told: list[Level] = []
        for price, quantity, orders in changes:
            key = self.sign * price
            if self.horizon is not None and key > self.horizon:
                continue
            known = key in self.levels
            if quantity:
                self.levels[key] = (price, quantity, orders)
                if not known:
                    insort(self.keys, key)
            elif known:
                del self.levels[key]
                del self.keys[bisect_left(self.keys, key)]
        if self.horizon is not None and len(self.keys) < DEPTH:
            raise Lost
        if len(self.keys) > 2 * KNOWN:
            for key in self.keys[KNOWN:]:
                del self.levels[key]
            del self.keys[KNOWN:]
            self.horizon = self.keys[-1]
        sight = self.keys[:DEPTH]
        worst = sight[-1] if sight else None
        for price, _, _ in changes:
            key = self.sign * price
            level = self.levels.get(key)
            if level is not None and worst is not None and key <= worst:
                told.append(level)
                self.shown.add(key)
            elif level is None and key in self.shown:
                told.append((price, 0, 0))
                self.shown.discard(key)
        if len(self.shown) != len(sight):
            for key in self.keys[DEPTH : DEPTH + len(changes)]:
                self.shown.discard(key)  # pushed out of sight: clients drop it themselves
        if len(self.shown) != len(sight):
            for key in sight:
                if key not in self.shown:
                    told.append(self.levels[key])
                    self.shown.add(key)
        return told


class BookKeeper:
    """The book of one symbol."""

    def __init__(self, answer: dict[str, Any]) -> None:
        """`answer`: the engine's to a book question with depth `KNOWN`."""
        self.symbol: str = answer["symbol"]
        self.sequence: int = answer["sequence"]
        """Record that this is the state after."""
        self.told = self.sequence
        """Record of the last delta (or the snapshot) that clients have."""
        self.at: int = answer["at"] or 0
        self._bids = _Side(-1, map(_level, answer["bids"]))
        self._asks = _Side(1, map(_level, answer["asks"]))

    def apply(self, delta: Message) -> Published | None:
        """A delta of the bus, in order; None where clients see nothing of it, or it is old. Raises Lost."""
        sequence: int = delta["sequence"]
        if sequence <= self.sequence:
            return None
        self.sequence, self.at = sequence, delta["timestamp"]
        by_side: dict[str, list[Level]] = {"buy": [], "sell": []}
        for change in delta["changes"]:
            by_side[change["side"]].append((change["price"], change["quantity"], change["orders"]))
        bids, asks = self._bids.change(by_side["buy"]), self._asks.change(by_side["sell"])
        if not bids and not asks:
            return None
        id: Id = (sequence, delta["index"])
        body = {
            "type": "book",
            "id": text_of(id),
            "symbol": self.symbol,
            "snapshot": False,
            "sequence": sequence,
            "previous": self.told,
            "bids": _view(bids),
            "asks": _view(asks),
            "checksum": delta["checksum"],
            "at": rfc3339(self.at),
        }
        self.told = sequence
        return Published(body, id, self.at)

    def snapshot(self) -> Published:
        """The book as clients are shown it."""
        bids, asks = self._bids.best(), self._asks.best()
        body = {
            "type": "book",
            "id": None,
            "symbol": self.symbol,
            "snapshot": True,
            "sequence": self.sequence,
            "bids": _view(bids),
            "asks": _view(asks),
            "checksum": checksum(bids, asks),
            "at": rfc3339(self.at),
        }
        return Published(body, None, self.at)


def _level(told: list[Any]) -> Level:
    return parse_nanos(told[0], "price"), parse_nanos(told[1], "quantity"), int(told[2])


def _view(levels: Iterable[Level]) -> list[list[Any]]:
    return [[format_nanos(price), format_nanos(quantity), orders] for price, quantity, orders in levels]
