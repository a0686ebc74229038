"""A book kept from a snapshot and later deltas, cut to the depth that clients get. Pure.

docs/book-protocol.md is the contract with clients: the best `DEPTH` levels per side; a change has a
level's new total, 0 removes the level; a client drops levels beyond the depth. So a level that enters the
depth because a better one left must be sent.

The keeper knows more levels than it sends, down to a horizon: the last level of the engine's response.
When fewer than `DEPTH` levels are left above the horizon, it cannot know which level enters the depth:
`apply` raises `SnapshotNeeded`.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from cift.contracts.limits_gen import CHECKSUM_DEPTH, MAX_BOOK_LEVELS_PER_QUERY
from cift.kernel.clock import rfc3339
from cift.kernel.money import format_nanos, parse_nanos
from cift.streams.messages import BookUpdate
from cift.streams.rules import Id, id_text
from cift.streams.views import Published

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

DEPTH = 100
"""Levels per side that clients get."""
KNOWN = MAX_BOOK_LEVELS_PER_QUERY
"""Levels per side that are requested from the engine: its maximum."""

Level = tuple[int, int, int]
"""Price, quantity (nanos), orders."""


class SnapshotNeeded(Exception):
    """The known levels no longer reach `DEPTH`."""


def checksum(bids: Iterable[Level], asks: Iterable[Level]) -> int:
    """CRC-32 in the form of Kraken's book channel (v2): the best ten asks, then the best ten bids, each
    as price and quantity in decimal, without point and leading zeros. `matchd/src/checksum.rs` computes
    the same."""
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
    """Levels by key. Ascending keys are best first, so keys of bids are negative prices."""

    __slots__ = ("horizon", "keys", "levels", "sent", "sign")

    def __init__(self, sign: int, levels: Iterable[Level]) -> None:
        self.sign = sign
        self.levels = {sign * price: (price, quantity, orders) for price, quantity, orders in levels}
        self.keys = sorted(self.levels)
        self.horizon = self.keys[-1] if len(self.keys) >= KNOWN else None
        """Levels beyond it are unknown; None: there are none beyond."""
        self.sent = set(self.keys[:DEPTH])

    def best(self) -> list[Level]:
        return [self.levels[key] for key in self.keys[:DEPTH]]

    def change(self, changes: list[Level]) -> list[Level]:
        """Apply the changes; returns the changes and the levels that entered the depth, as clients need them.

        Raises:
            SnapshotNeeded: the levels that entered the depth are unknown.
        """
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
            raise SnapshotNeeded
        if len(self.keys) > 2 * KNOWN:
            for key in self.keys[KNOWN:]:
                del self.levels[key]
            del self.keys[KNOWN:]
            self.horizon = self.keys[-1]
        return self._to_send(changes)

    def _to_send(self, changes: list[Level]) -> list[Level]:
        result: list[Level] = []
        visible = self.keys[:DEPTH]
        worst = visible[-1] if visible else None
        for price, _, _ in changes:
            key = self.sign * price
            level = self.levels.get(key)
            if level is not None and worst is not None and key <= worst:
                result.append(level)
                self.sent.add(key)
            elif level is None and key in self.sent:
                result.append((price, 0, 0))
                self.sent.discard(key)
        if len(self.sent) != len(visible):
            for key in self.keys[DEPTH : DEPTH + len(changes)]:
                self.sent.discard(key)  # pushed beyond the depth: clients drop it themselves
        if len(self.sent) != len(visible):
            for key in visible:
                if key not in self.sent:
                    result.append(self.levels[key])
                    self.sent.add(key)
        return result


class BookKeeper:
    """The book of one symbol."""

    def __init__(self, response: messages.BookAnswer) -> None:
        """`response`: the engine's to a book query with depth `KNOWN`."""
        self.symbol: str = response["symbol"]
        self.sequence: int = response["sequence"]
        """The book is the state after this record."""
        self.sent = self.sequence
        """Record of the last change (or snapshot) that was sent to clients."""
        self.at: int = response["at"] or 0
        self._bids = _Side(-1, map(_level, response["bids"]))
        self._asks = _Side(1, map(_level, response["asks"]))

    def apply(self, id: Id, delta: messages.BookDeltaMessage) -> Published | None:
        """Apply the next delta; None if it is old or changes nothing that clients see.

        Raises:
            SnapshotNeeded
        """
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
        body = BookUpdate(
            type="book",
            id=id_text(id),
            symbol=self.symbol,
            snapshot=False,
            sequence=sequence,
            previous=self.sent,
            bids=_view(bids),
            asks=_view(asks),
            checksum=delta["checksum"],
            at=rfc3339(self.at),
        )
        self.sent = sequence
        return Published(body, id, self.at)

    def snapshot(self) -> Published:
        """The best `DEPTH` levels per side."""
        bids, asks = self._bids.best(), self._asks.best()
        body = BookUpdate(
            type="book",
            id=None,
            symbol=self.symbol,
            snapshot=True,
            sequence=self.sequence,
            bids=_view(bids),
            asks=_view(asks),
            checksum=checksum(bids, asks),
            at=rfc3339(self.at),
        )
        return Published(body, None, self.at)


def _level(level: tuple[str, str, int]) -> Level:
    return parse_nanos(level[0], "price"), parse_nanos(level[1], "quantity"), level[2]


def _view(levels: Iterable[Level]) -> list[list[Any]]:
    return [[format_nanos(price), format_nanos(quantity), orders] for price, quantity, orders in levels]
