"""Alpaca's messages as ticks. Pure. Schemas: docs.alpaca.markets, "Real-time Stock Data", and the
historical endpoints, which have the same field names (REST omits `T` and `S`).

A trade's number is unique within its venue, symbol and day: our id is `venue:number`. Quotes have no
number. Sizes of quotes are shares: since 3 November 2025 the SIPs report shares instead of round lots. A
bid or ask without price or size is an empty side.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cift.contracts import conditions
from cift.feeds.outside import Bar, Cancel, Correction, Quote, Status, Tick, Trade
from cift.kernel.clock import parse_rfc3339
from cift.kernel.money import nanos_of

MINUTE_S, DAY_S = 60, 86_400
TIMESTAMP = -1
"""MessagePack's extension type for timestamps."""
HALTS = frozenset(("H", "P", "2"))
"""Status codes that stop trading: UTP's halt and volatility pause, CTA's halt."""
RESUMES = frozenset(("T", "3"))
"""Trading resumes. (The resumption of quotations alone, UTP's Q, does not count.)"""
_INTERVALS_S = {"b": MINUTE_S, "u": MINUTE_S, "d": DAY_S}


class Malformed(ValueError):
    """A message does not have the fields of its schema."""


def time_ns(value: Any) -> int:
    """A time in ns: RFC 3339 text from JSON, nanoseconds from MessagePack. Raises ValueError."""
    if isinstance(value, int):
        return value
    parsed = parse_rfc3339(value) if isinstance(value, str) else None
    if parsed is None:
        raise ValueError(f"{value!r} is not a time")
    return parsed


def extension(kind: int, data: bytes) -> Any:
    """MessagePack's timestamps of 4, 8 and 12 bytes as nanoseconds."""
    if kind != TIMESTAMP or len(data) not in (4, 8, 12):
        raise ValueError(f"extension {kind} of {len(data)} bytes is not a timestamp")
    if len(data) == 4:
        return int.from_bytes(data) * 1_000_000_000
    if len(data) == 8:
        both = int.from_bytes(data)
        return (both & 0x3_FFFF_FFFF) * 1_000_000_000 + (both >> 34)
    nanoseconds, seconds = struct.unpack(">Iq", data)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)


def tick(message: Mapping[str, Any], kind: str = "", symbol: str = "") -> Tick | None:
    """One message as a tick; None for messages that are not used (LULD bands, news). `kind` and `symbol`
    are given for rows of REST pages.

    Raises:
        Malformed: a field is missing or does not fit the schema.
    """
    try:
        return _tick(message, kind or message["T"], symbol or message.get("S", ""))
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Malformed(f"{problem!r}") from problem


def _tick(m: Mapping[str, Any], kind: str, symbol: str) -> Tick | None:
    match kind:
        case "q":
            return Quote(symbol, time_ns(m["t"]), *_side(m["bp"], m["bs"]), *_side(m["ap"], m["as"]))
        case "t":
            return _trade(symbol, m, m["i"], m["p"], m["s"], m.get("c"))
        case "c":
            corrected = _trade(symbol, m, m["ci"], m["cp"], m["cs"], m.get("cc"))
            return Correction(symbol, time_ns(m["t"]), _id(m, m["oi"]), corrected)
        case "x":
            return Cancel(symbol, time_ns(m["t"]), _id(m, m["i"]))
        case "s":
            if m["sc"] in HALTS or m["sc"] in RESUMES:
                return Status(symbol, time_ns(m["t"]), m["sc"] in HALTS)
        case "b" | "u" | "d":
            first, high, low, last, volume = (nanos_of(m[name]) for name in ("o", "h", "l", "c", "v"))
            vwap, trades = nanos_of(m.get("vw") or 0), int(m.get("n") or 0)
            interval_s = _INTERVALS_S[kind]
            return Bar(symbol, time_ns(m["t"]), interval_s, first, high, low, last, volume, vwap, trades)
    return None


def _trade(
    symbol: str, m: Mapping[str, Any], number: int, price: float, size: float, letters: Sequence[str] | None
) -> Trade:
    bits, is_last_sale = conditions.of_letters(letters or (), m.get("z", ""))
    price_nanos, quantity = nanos_of(price), nanos_of(size)
    if not price_nanos or not quantity:
        raise ValueError(f"a trade with price {price} and size {size}")
    return Trade(
        symbol,
        time_ns(m["t"]),
        price_nanos,
        quantity,
        _id(m, number),
        conditions=bits,
        is_last_sale=is_last_sale,
    )


def _id(m: Mapping[str, Any], number: int) -> str:
    return f"{m.get('x', '')}:{number}"


def _side(price: float, size: float) -> tuple[int, int]:
    price_nanos, quantity = nanos_of(price), nanos_of(size)
    return (price_nanos, quantity) if price_nanos and quantity else (0, 0)


def subscription(symbols: Iterable[str]) -> dict[str, Any]:
    """The subscription request. Corrections and cancels are included in the trades."""
    names = list(symbols)
    return {"action": "subscribe", "trades": names, "quotes": names, "bars": names, "statuses": names}
