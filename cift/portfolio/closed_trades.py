"""Closed trades of an account: what was bought and sold again, or sold short and bought back. Pure.

Two ways to choose which entry a closing fill belongs to:

    average   to the whole position at its average cost. The profit is the ledger's (RULES.md, R2.7 to R2.9).
    fifo      to the oldest open entries first. One closing fill can close several of them.

Both give the same sum of profits when a position is flat. Splits and resets change a position without a
fill. They show as a difference between the open entries and the position before the next fill: a reset drops
the entries, a split multiplies their quantities and divides their prices.

Quantities, prices and amounts are in nanos.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from cift.contracts.names_gen import Side
from cift.kernel.money import NANOS

Method = Literal["average", "fifo"]


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of the account; `position_after` is signed, `realized` has no fees."""

    sequence: int
    entry: int
    order_id: str
    symbol: str
    side: Side
    price: int
    quantity: int
    fee: int
    realized: int
    position_after: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A part of a position from its entry to its exit. `profit` has no fees; `fees`: of both ends."""

    sequence: int
    entry: int
    part: int
    """0, 1, …: the entries that one fill closed."""
    symbol: str
    side: Literal["long", "short"]
    quantity: int
    entry_price: int
    exit_price: int
    entry_at: datetime
    exit_at: datetime
    exit_order_id: str
    fees: int
    profit: int


@dataclass(frozen=True, slots=True)
class _Lot:
    """An open entry: a signed quantity with its cost, signed alike, and the fees paid for it."""

    quantity: int
    cost: int
    fees: int
    at: datetime

    def part(self, quantity: int) -> _Lot:
        """The share of the entry with this quantity, which has the same sign."""
        return _Lot(
            quantity,
            _share(self.cost, quantity, self.quantity),
            _share(self.fees, quantity, self.quantity),
            self.at,
        )

    def without(self, part: _Lot) -> _Lot:
        return _Lot(self.quantity - part.quantity, self.cost - part.cost, self.fees - part.fees, self.at)


def _share(amount: int, part: int, whole: int) -> int:
    """amount × part / whole, to the nearest nano; `part` and `whole` have the same sign."""
    return (2 * amount * abs(part) + abs(whole)) // (2 * abs(whole))


def closed(fills: Iterable[Fill], method: Method) -> Iterator[ClosedTrade]:
    """The closed trades of fills that are in the journal's order, in the same order."""
    open_entries: dict[str, deque[_Lot]] = {}
    for fill in fills:
        entries = open_entries.setdefault(fill.symbol, deque())
        signed = fill.quantity if fill.side == "buy" else -fill.quantity
        _adjust(entries, fill.position_after - signed)
        before = fill.position_after - signed
        closing = min(fill.quantity, abs(before)) if before * signed < 0 else 0
        if closing:
            yield from _close(entries, fill, closing, method)
        opening = fill.quantity - closing
        if opening:
            sign = 1 if signed > 0 else -1
            cost = sign * (opening * fill.price // NANOS)
            lot = _Lot(sign * opening, cost, _share(fill.fee, opening, fill.quantity), fill.at)
            if method == "average" and entries:
                held = entries.pop()
                lot = _Lot(held.quantity + lot.quantity, held.cost + lot.cost, held.fees + lot.fees, held.at)
            entries.append(lot)


def _adjust(entries: deque[_Lot], position: int) -> None:
    """Make the sum of the entries the position before the fill."""
    total = sum(lot.quantity for lot in entries)
    if position == total:
        return
    if position * total <= 0:
        entries.clear()
        return
    scaled = [replace(lot, quantity=_share(lot.quantity, position, total)) for lot in entries]
    rest = position - sum(lot.quantity for lot in scaled)
    scaled[-1] = replace(scaled[-1], quantity=scaled[-1].quantity + rest)
    entries.clear()
    entries.extend(lot for lot in scaled if lot.quantity)


def _close(entries: deque[_Lot], fill: Fill, closing: int, method: Method) -> Iterator[ClosedTrade]:
    left = closing
    number = 0
    while left and entries:
        lot = entries.popleft()
        size = min(left, abs(lot.quantity))
        sign = 1 if lot.quantity > 0 else -1
        part = lot.part(sign * size)
        if size < abs(lot.quantity):
            entries.appendleft(lot.without(part))
        proceeds = sign * (size * fill.price // NANOS)
        yield ClosedTrade(
            sequence=fill.sequence,
            entry=fill.entry,
            part=number,
            symbol=fill.symbol,
            side="long" if sign > 0 else "short",
            quantity=size,
            entry_price=_share(NANOS, abs(part.cost), size),
            exit_price=fill.price,
            entry_at=part.at,
            exit_at=fill.at,
            exit_order_id=fill.order_id,
            fees=part.fees + _share(fill.fee, size, fill.quantity),
            profit=fill.realized if method == "average" else proceeds - part.cost,
        )
        left -= size
        number += 1
