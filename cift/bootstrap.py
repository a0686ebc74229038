"""The first facts of an exchange: fees, maintenance margin, instruments, and the house accounts of the feeds.

The market drivers send them at every start. A journal that has them already does not change, so that a
later edit by an admin (of the fees, for example) stays. Fees come before the first instrument: an exchange
that has instruments has had its fees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from cift.contracts.limits_gen import DEFAULT_SILENCE_NS
from cift.feeds.exchange import Exchange, send
from cift.feeds.feed import FEEDS
from cift.feeds.timeline import PRICE_NANOS_PER_TICK, QUANTITY_NANOS_PER_SHARE
from cift.kernel.errors import Unavailable
from cift.kernel.ids import uuid5

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

NAMESPACE = "6ba7b811-9dad-11d1-80b4-00c04fd430c8"
"""RFC 9562's namespace for URLs: the ids of accounts without an owner are made from a name below it."""

CURRENCY = "USD"
SYMBOLS = ("SPY", "IBM", "BAC", "AIG")
AGENTS_SYMBOLS = (*SYMBOLS, "AAPL", "AMZN", "GE", "JPM", "KO", "MSFT", "QQQ", "XOM")
MAKER_FEE_PPM = 0
TAKER_FEE_PPM = 0
BAND_PPM = 100_000
COLLAR_PPM = 20_000
MAINTENANCE_PERCENT = 50
"""Of the initial margin."""
MARGIN_CHECK_NS = 1_000_000_000

Units = tuple[int, int]
"""Tick and lot, in nanos."""
SHARE: Units = (PRICE_NANOS_PER_TICK, QUANTITY_NANOS_PER_SHARE)


def house(feed: str) -> str:
    """The house account of a feed."""
    return uuid5(NAMESPACE, f"cift:house:{feed}")


INSURANCE = uuid5(NAMESPACE, "cift:insurance")
"""The house account that takes over what a liquidation leaves."""


def instrument(symbol: str, units: Units = SHARE) -> messages.DefineInstrument:
    """An instrument with a 10 % band and a 2 % collar; by default a US share: ticks of 0.01, whole shares."""
    return {
        "type": "define_instrument",
        "symbol": symbol,
        "currency": CURRENCY,
        "tick": units[0],
        "lot": units[1],
        "band_ppm": BAND_PPM,
        "collar_ppm": COLLAR_PPM,
    }


def margin_facts() -> list[messages.Command]:
    """The insurance account, and the maintenance margin: half of the initial one.

    At the default leverage that is 25 % of the positions, as for longs in FINRA Rule 4210(c).
    """
    return [
        {
            "type": "open_account",
            "account": INSURANCE,
            "kind": "margin",
            "role": "house",
            "currency": CURRENCY,
        },
        {
            "type": "set_margin",
            "insurance": INSURANCE,
            "maintenance_percent": MAINTENANCE_PERCENT,
            "interval_ns": MARGIN_CHECK_NS,
        },
    ]


def outside_facts(feed: str) -> list[messages.Command]:
    """The house account of a feed, and the feed."""
    return [
        {
            "type": "open_account",
            "account": house(feed),
            "kind": "margin",
            "role": "house",
            "currency": CURRENCY,
        },
        {"type": "define_feed", "feed": FEEDS[feed], "house": house(feed), "silence_ns": DEFAULT_SILENCE_NS},
    ]


async def send_facts(
    engine: Exchange,
    feed: str = "replay",
    symbols: Iterable[str] = SYMBOLS,
    units: Mapping[str, Units] | None = None,
) -> None:
    """Send the facts that are missing: fees, these instruments (with their `units`, or those of a share),
    this feed.

    Raises:
        ConnectionError: the engine cannot be reached; call again.
        RuntimeError: a fact was refused, for another reason than that it exists.
    """
    known = await known_symbols(engine)
    facts: list[messages.Command] = []
    if not known:
        facts.append({"type": "set_fees", "maker_ppm": MAKER_FEE_PPM, "taker_ppm": TAKER_FEE_PPM})
        facts += margin_facts()
    facts += [
        instrument(symbol, (units or {}).get(symbol, SHARE)) for symbol in symbols if symbol not in known
    ]
    facts += outside_facts(feed)
    sent = await send(engine, facts)
    if not sent.reached:
        raise ConnectionError("engine not reached")
    wrong = {code: count for code, count in sent.refusals.items() if not code.endswith("_exists")}
    if wrong:
        raise RuntimeError(f"the engine refused the exchange's first facts: {wrong}")


async def known_symbols(engine: Exchange) -> set[str]:
    """The symbols of the engine's instruments. Raises ConnectionError."""
    try:
        answer = await engine.query({"instruments": {}})
    except Unavailable as problem:
        raise ConnectionError("engine not reached") from problem
    return {each["symbol"] for each in answer["instruments"]}
