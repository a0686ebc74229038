"""The ticks of an outside market: the types between a source and its consumers. Pure.

Prices and quantities are in nanos, times in nanoseconds since the Unix epoch. Ids and sequences are the
source's own. A tick is a plain tuple, because a busy feed produces ten thousand per second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages


class Trade(NamedTuple):
    """A print. `id` is unique within its symbol and day, or "" if the source has no ids."""

    symbol: str
    at_ns: int
    price: int
    quantity: int
    id: str = ""
    sequence: int = 0
    conditions: int = 0
    """The source's sale conditions as bits, numbered as in QuantConnect Lean (`conditions.py`)."""
    is_last_sale: bool = True
    """Whether it sets the last price. Late, averaged and official prints do not."""


class Quote(NamedTuple):
    """The best bid and ask. A quantity of 0: the side is empty. `sequence` 0: the source has no sequences."""

    symbol: str
    at_ns: int
    bid: int
    bid_quantity: int
    ask: int
    ask_quantity: int
    sequence: int = 0


class Cancel(NamedTuple):
    """The trade with this id is cancelled."""

    symbol: str
    at_ns: int
    id: str


class Correction(NamedTuple):
    """The trade with this id is replaced by `trade`."""

    symbol: str
    at_ns: int
    id: str
    trade: Trade


class Status(NamedTuple):
    """Trading in the symbol is halted, or resumes."""

    symbol: str
    at_ns: int
    halted: bool


class Bar(NamedTuple):
    """A bar made by the source; it begins at `start_ns`."""

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


def command(
    tick: Trade | Quote, feed: int, source_sequence: int
) -> messages.OutsideTrade | messages.OutsideQuote:
    """The engine command for one tick of the feed with this number."""
    if isinstance(tick, Trade):
        return {
            "type": "outside_trade",
            "feed": feed,
            "source_sequence": source_sequence,
            "symbol": tick.symbol,
            "price": tick.price,
            "quantity": tick.quantity,
        }
    return {
        "type": "outside_quote",
        "feed": feed,
        "source_sequence": source_sequence,
        "symbol": tick.symbol,
        "bid": {"price": tick.bid, "quantity": tick.bid_quantity},
        "ask": {"price": tick.ask, "quantity": tick.ask_quantity},
    }
