"""The facts a new exchange begins with: fees, instruments, the feeds' house accounts.

Stated by the market drivers whenever they start. Idempotent: on a journal that has them nothing
changes, so that what an operator changed later (fees, say) stays changed. The order matters: fees
come before the first instrument, so an exchange that knows its instruments has had its fees.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cift.feeds.exchange import Exchange, send
from cift.feeds.feed import FEEDS
from cift.feeds.timeline import PRICE_NANOS_PER_TICK, QUANTITY_NANOS_PER_SHARE
from cift.kernel.errors import Unavailable
from cift.kernel.ids import uuid5

NAMESPACE = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
"""RFC 9562's namespace for URLs: ids of accounts that are no one's are made of a name below it."""

CURRENCY = "USD"
SYMBOLS = ("SPY", "IBM", "BAC", "AIG")
MAKER_FEE_PPM = 0
TAKER_FEE_PPM = 0
BAND_PPM = 100_000
COLLAR_PPM = 20_000
SILENCE_NS = 5_000_000_000

FRACTION_NANOS = 100
"""The lot of what is traded in fractions: with ticks of 0.01, the finest that keeps money whole."""


def lot(*, in_whole_units: bool) -> int:
    """The lot, in nanos, of what is traded in whole units, or in fractions."""
    return QUANTITY_NANOS_PER_SHARE if in_whole_units else FRACTION_NANOS


def house(feed: str) -> str:
    """The account that stands for a feed's market."""
    return uuid5(NAMESPACE, f"cift:house:{feed}")


def instrument(symbol: str, lot: int = QUANTITY_NANOS_PER_SHARE) -> dict[str, Any]:
    """A US share: ticks of 0.01, whole shares (or another lot, in nanos), 10 % band, 2 % collar."""
    return {
        "type": "define_instrument",
        "symbol": symbol,
        "currency": CURRENCY,
        "tick": PRICE_NANOS_PER_TICK,
        "lot": lot,
        "band_ppm": BAND_PPM,
        "collar_ppm": COLLAR_PPM,
    }


def outside_facts(feed: str) -> list[dict[str, Any]]:
    """The house account of a feed, and the feed."""
    return [
        {
            "type": "open_account",
            "account": house(feed),
            "kind": "margin",
            "role": "house",
            "currency": CURRENCY,
        },
        {"type": "define_feed", "feed": FEEDS[feed], "house": house(feed), "silence_ns": SILENCE_NS},
    ]


async def state_facts(
    engine: Exchange,
    feed: str = "replay",
    symbols: Iterable[str] = SYMBOLS,
    lot: int = QUANTITY_NANOS_PER_SHARE,
) -> None:
    """State what is missing: fees, these instruments, this feed.

    Raises:
        ConnectionError: the engine was not reached; call again.
        RuntimeError: a fact was refused for another reason than being known already.
    """
    known = await engine_knows(engine)
    facts: list[dict[str, Any]] = []
    if not known:
        facts.append({"type": "set_fees", "maker_ppm": MAKER_FEE_PPM, "taker_ppm": TAKER_FEE_PPM})
    facts += [instrument(symbol, lot) for symbol in symbols if symbol not in known]
    facts += outside_facts(feed)
    sent = await send(engine, facts)
    if not sent.reached:
        raise ConnectionError("engine not reached")
    wrong = {code: count for code, count in sent.refusals.items() if not code.endswith("_exists")}
    if wrong:
        raise RuntimeError(f"the engine refused the exchange's first facts: {wrong}")


async def engine_knows(engine: Exchange) -> set[str]:
    """The symbols the engine has. Raises `ConnectionError`."""
    try:
        answer = await engine.query({"instruments": {}})
    except Unavailable as problem:
        raise ConnectionError("engine not reached") from problem
    return {each["symbol"] for each in answer["instruments"]}
