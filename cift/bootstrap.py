"""The facts a new exchange begins with: fees, instruments, the replay's house account and feed.

Stated by the market drivers whenever they start. Idempotent: on a journal that has them nothing
changes, so that what an operator changed later (fees, say) stays changed. The order matters: fees
come before the first instrument, so an exchange that knows its instruments has had its fees.
"""

from __future__ import annotations

from typing import Any

from cift.kernel.errors import Unavailable
from cift.kernel.ids import uuid5
from cift.market.exchange import Exchange, send
from cift.market.replay_driver import FEED
from cift.market.timeline import PRICE_NANOS_PER_TICK, QUANTITY_NANOS_PER_SHARE

NAMESPACE = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
"""RFC 9562's namespace for URLs: ids of accounts that are no one's are made of a name below it."""

CURRENCY = "USD"
SYMBOLS = ("SPY", "IBM", "BAC", "AIG")
MAKER_FEE_PPM = 0
TAKER_FEE_PPM = 0
BAND_PPM = 100_000
COLLAR_PPM = 20_000
SILENCE_NS = 5_000_000_000

REPLAY_HOUSE = uuid5(NAMESPACE, "cift:house:replay")


def instrument(symbol: str) -> dict[str, Any]:
    """A US share: ticks of 0.01, whole shares, 10 % band, 2 % collar."""
    return {
        "type": "define_instrument",
        "symbol": symbol,
        "currency": CURRENCY,
        "tick": PRICE_NANOS_PER_TICK,
        "lot": QUANTITY_NANOS_PER_SHARE,
        "band_ppm": BAND_PPM,
        "collar_ppm": COLLAR_PPM,
    }


def outside_facts() -> list[dict[str, Any]]:
    """The house account of the replay and its feed."""
    return [
        {
            "type": "open_account",
            "account": REPLAY_HOUSE,
            "kind": "margin",
            "role": "house",
            "currency": CURRENCY,
        },
        {"type": "define_feed", "feed": FEED, "house": REPLAY_HOUSE, "silence_ns": SILENCE_NS},
    ]


async def state_facts(engine: Exchange) -> None:
    """State what is missing.

    Raises:
        ConnectionError: the engine was not reached; call again.
        RuntimeError: a fact was refused for another reason than being known already.
    """
    known = await engine_knows(engine)
    facts: list[dict[str, Any]] = []
    if not known:
        facts.append({"type": "set_fees", "maker_ppm": MAKER_FEE_PPM, "taker_ppm": TAKER_FEE_PPM})
    facts += [instrument(symbol) for symbol in SYMBOLS if symbol not in known]
    facts += outside_facts()
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
