"""Massive's messages as ticks. Pure.

Schemas: massive.com/docs, stocks: WebSocket `T`, `Q`, `A`, `AM` (times in milliseconds) and REST
`/v3/trades`, `/v3/quotes`, `/v2/aggs` (nanoseconds, other names).

A trade's id is unique per symbol, venue and reporting facility: our id is `venue:facility:id`. Sequences
increase within a symbol and day. Sizes of quotes are shares since 3 November 2025. The WebSocket has no
corrections; REST marks a trade's rows with `correction` (CTA's indicator).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cift.contracts import conditions
from cift.feeds.outside import Bar, Quote, Tick, Trade
from cift.kernel.money import nanos_of

NS_PER_MS = 1_000_000
INTERVALS_S = {"A": 1, "AM": 60}
INVALID_CORRECTIONS = frozenset((1, 7, 8, 10, 11))
"""Trades that were corrected later, in error or cancelled, and the cancel and error records. 12 is the
corrected trade."""
CHANNELS = ("T", "Q", "A")


class Malformed(ValueError):
    """A message does not have the fields of its schema."""


def tick(message: Mapping[str, Any]) -> Tick | None:
    """A WebSocket message as a tick; None for messages that are not used. Raises Malformed."""
    try:
        return _tick(message)
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Malformed(f"{problem!r}") from problem


def _tick(m: Mapping[str, Any]) -> Tick | None:
    match m["ev"]:
        case "Q":
            bid, ask = _side(m.get("bp"), m.get("bs")), _side(m.get("ap"), m.get("as"))
            return Quote(m["sym"], m["t"] * NS_PER_MS, *bid, *ask, m.get("q", 0))
        case "T":
            return _trade(
                m["sym"], m["t"] * NS_PER_MS, m["p"], m.get("ds") or m["s"], m.get("q", 0), m.get("c"),
                f"{m['x']}:{m.get('trfi', 0)}:{m['i']}",
            )  # fmt: skip
        case "A" | "AM" as kind:
            # The message has the mean size of a trade, not the number of trades.
            return _bar(m["sym"], m["s"] * NS_PER_MS, INTERVALS_S[kind], m, 0)
    return None


def row(kind: str, symbol: str, interval_s: int, m: Mapping[str, Any]) -> Tick | None:
    """A row of a REST page as a tick; `kind` is trades, quotes or aggs. Raises Malformed."""
    try:
        if kind == "quotes":
            bid = _side(m.get("bid_price"), m.get("bid_size"))
            ask = _side(m.get("ask_price"), m.get("ask_size"))
            return Quote(symbol, m["sip_timestamp"], *bid, *ask, m.get("sequence_number", 0))
        if kind == "trades":
            if m.get("correction", 0) in INVALID_CORRECTIONS:
                return None
            return _trade(
                symbol, m["sip_timestamp"], m["price"], m["size"], m.get("sequence_number", 0),
                m.get("conditions"), f"{m['exchange']}:{m.get('trf_id', 0)}:{m['id']}",
            )  # fmt: skip
        return _bar(symbol, m["t"] * NS_PER_MS, interval_s, m, int(m.get("n") or 0))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Malformed(f"{problem!r}") from problem


def _trade(
    symbol: str,
    at_ns: int,
    price: float,
    size: float | str,
    sequence: int,
    numbers: Iterable[int] | None,
    trade_id: str,
) -> Trade:
    bits, is_last_sale = conditions.of_numbers(numbers or ())
    price_nanos, quantity = nanos_of(price), nanos_of(size)
    if not price_nanos or not quantity:
        raise ValueError(f"a trade with price {price} and size {size}")
    return Trade(symbol, at_ns, price_nanos, quantity, trade_id, sequence, bits, is_last_sale)


def _bar(symbol: str, start_ns: int, interval_s: int, m: Mapping[str, Any], trades: int) -> Bar:
    first, high, low, last, volume = (nanos_of(m[name]) for name in ("o", "h", "l", "c", "v"))
    vwap = nanos_of(m.get("vw") or 0)
    return Bar(symbol, start_ns, interval_s, first, high, low, last, volume, vwap, trades)


def _side(price: float | None, size: float | None) -> tuple[int, int]:
    price_nanos, quantity = nanos_of(price or 0), nanos_of(size or 0)
    return (price_nanos, quantity) if price_nanos and quantity else (0, 0)


def subscription(symbols: Iterable[str]) -> dict[str, str]:
    """The subscription request."""
    topics = [f"{channel}.{symbol}" for symbol in symbols for channel in CHANNELS]
    return {"action": "subscribe", "params": ",".join(topics)}
