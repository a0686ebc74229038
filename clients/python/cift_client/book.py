"""An order book kept from the channel `book`, by docs/book-protocol.md of the exchange."""

import zlib
from decimal import Decimal
from typing import NamedTuple

from cift_client.errors import CiftError
from cift_client.models_gen import BookUpdate

DEPTH = 100
"""Levels per side that the exchange sends."""
CHECKSUM_DEPTH = 10


class OutOfStep(CiftError):
    """A change is missing, or the checksum differs: a new snapshot is needed."""


class Level(NamedTuple):
    """A price with its visible quantity and number of orders."""

    price: Decimal
    quantity: Decimal
    orders: int


class Book:
    """The visible book of one symbol. It equals the exchange's book after the journal record `sequence`."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self.sequence = -1
        """-1: there was no snapshot yet."""
        self._bids: dict[Decimal, Level] = {}
        self._asks: dict[Decimal, Level] = {}

    @property
    def bids(self) -> list[Level]:
        """Best first."""
        return sorted(self._bids.values(), reverse=True)

    @property
    def asks(self) -> list[Level]:
        """Best first."""
        return sorted(self._asks.values())

    @property
    def best_bid(self) -> Level | None:
        return max(self._bids.values(), default=None)

    @property
    def best_ask(self) -> Level | None:
        return min(self._asks.values(), default=None)

    def apply(self, update: BookUpdate) -> None:
        """Apply the next message. Raises OutOfStep."""
        if update.snapshot:
            self._bids, self._asks = {}, {}
        elif update.sequence <= self.sequence:
            return
        elif self.sequence < 0 or update.previous is None or update.previous > self.sequence:
            raise OutOfStep(
                f"{self.symbol}: a change between {self.sequence} and {update.sequence} is missing"
            )
        for side, changes in ((self._bids, update.bids), (self._asks, update.asks)):
            for price, quantity, orders in changes:
                if quantity:
                    side[price] = Level(price, quantity, orders)
                else:
                    side.pop(price, None)
        for level in self.bids[DEPTH:]:
            del self._bids[level.price]
        for level in self.asks[DEPTH:]:
            del self._asks[level.price]
        self.sequence = update.sequence
        if update.checksum is not None and update.checksum != self.checksum():
            raise OutOfStep(f"{self.symbol}: the checksum at {update.sequence} differs")

    def checksum(self) -> int:
        """CRC-32 of the best ten asks, then the best ten bids."""
        digits = ""
        for side in (self.asks, self.bids):
            for level in side[:CHECKSUM_DEPTH]:
                digits += _digits(level.price) + _digits(level.quantity)
        return zlib.crc32(digits.encode())


def _digits(amount: Decimal) -> str:
    return format(amount, "f").replace(".", "").lstrip("0")
