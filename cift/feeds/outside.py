"""What a market says, typed: the words between a source and all that listens to it. Pure.

Prices and quantities are nanos, times nanoseconds since the Unix epoch, ids and sequences the source's
own. A tick is a plain tuple, because a busy feed makes ten thousand a second.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Trade(NamedTuple):
    """A print. `id` is unique within its symbol and day, "" where the source has none."""

    symbol: str
    at_ns: int
    price: int
    quantity: int
    id: str = ""
    sequence: int = 0
    conditions: int = 0
    """The source's sale conditions as bits, numbered as QuantConnect Lean does (`conditions.py`)."""
    tells_price: bool = True
    """Whether it says something about the price now; late, averaged and official ones do not."""


class Quote(NamedTuple):
    """The inside market; a quantity of 0: nobody on that side. `sequence` 0: the source has none."""

    symbol: str
    at_ns: int
    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int
    sequence: int = 0


class Cancel(NamedTuple):
    """The trade with this id never was."""

    symbol: str
    at_ns: int
    id: str


class Correction(NamedTuple):
    """The trade with this id was another one."""

    symbol: str
    at_ns: int
    id: str
    trade: Trade


class Status(NamedTuple):
    """Trading in the symbol halted, or goes on."""

    symbol: str
    at_ns: int
    halted: bool


class Bar(NamedTuple):
    """A bar as the source made it, from `start_ns` on."""

    symbol: str
    start_ns: int
    interval_s: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    vwap: int
    trades: int


Tick = Trade | Quote | Cancel | Correction | Status | Bar


def command(tick: Trade | Quote, feed: int, source_sequence: int) -> dict[str, Any]:
    """The engine command that tells one tick of the feed with this number."""
    head: dict[str, Any] = {"feed": feed, "source_sequence": source_sequence, "symbol": tick.symbol}
    if isinstance(tick, Trade):
        return {"type": "outside_trade", **head, "price": tick.price, "quantity": tick.quantity}
    return {
        "type": "outside_quote",
        **head,
        "bid": {"price": tick.bid, "quantity": tick.bid_quantity},
        "ask": {"price": tick.ask, "quantity": tick.ask_quantity},
    }
