"""Quotes from the cache: which callers get them, and that an older quote never replaces a newer one."""

import asyncio
import time
from typing import Any

import orjson
from cift_core import wire

from cift.kernel.money import NANOS
from cift.market_data import cache
from cift.platform.journal import Message
from cift.platform.nats import Nats
from functions.market_data.cache_quotes import cache_quotes
from tests.target import DEADLINE_S, POLL_S, until
from tests.venue import MARKET, Venue


async def cached(venue: Venue, symbol: str) -> dict[str, Any] | None:
    valkey = venue.platform.valkey
    found = await valkey.run(valkey.client.get(cache.key_of(symbol)))
    return None if found is None else orjson.loads(found[20:])


async def published(bus: Nats, symbol: str) -> list[bytes]:
    """The updates with quotes of a symbol that the bus still has."""
    js = await bus.jetstream()
    state = (await js.stream_info("UPDATES")).state
    wanted = wire.Wanted()
    wanted.add("quote", symbol)
    found = []
    for sequence in range(state.first_seq, state.last_seq + 1):
        message = await js.get_msg("UPDATES", sequence, direct=True)
        if wire.decode_update(message.data, wanted)["items"]:
            found.append(message.data or b"")
    return found


async def test_a_changing_quote_comes_from_the_cache_and_equals_the_engines(venue: Venue) -> None:
    symbol, one = await venue.instrument(), venue.user()
    await venue.order(one, symbol, limit_price="99.5", quantity="4")
    hits = 0
    deadline = time.monotonic() + DEADLINE_S
    fields = ("symbol", "bid", "bid_quantity", "ask", "ask_quantity", "last", "last_quantity", "halted")
    answer: dict[str, object] = {}
    valkey = venue.platform.valkey
    while hits < 3 and time.monotonic() < deadline:
        await venue.print(symbol, "100", 2)
        engine = (await venue.engine.query({"quote": [symbol]}))["quotes"][0]
        expires_ms = await valkey.run(valkey.client.pttl(cache.key_of(symbol)))
        assert expires_ms <= cache.FRESH_MS
        if expires_ms <= 0:  # not cached yet, or expired already
            continue
        answer = await venue.get(None, f"{MARKET}/quote/{symbol}")
        # It may still be the quote before this print: the cache follows, so try again.
        hits += all(answer[name] == engine[name] for name in fields)
    assert hits == 3, f"the cache holds the engine's quote: {answer}"


async def test_an_authenticated_caller_sees_the_effect_of_own_orders(venue: Venue) -> None:
    """Whatever the cache holds: here a quote that never existed."""
    symbol, one = await venue.instrument(), venue.user()
    valkey = venue.platform.valkey
    false_quote = orjson.dumps({**(await venue.get(one, f"{MARKET}/quote/{symbol}")), "bid": "1"})
    await valkey.run(
        valkey.client.set(cache.key_of(symbol), f"{2**40:020d}".encode() + false_quote, px=600_000)
    )
    assert (await venue.get(None, f"{MARKET}/quote/{symbol}"))["bid"] == "1", "it comes from the cache"
    for number in range(5):
        await venue.order(one, symbol, limit_price=f"9{number}.5")
        assert (await venue.get(one, f"{MARKET}/quote/{symbol}"))["bid"] == f"9{number}.5"
    await valkey.run(valkey.client.delete(cache.key_of(symbol)))


async def test_the_quote_of_a_quiet_symbol_comes_from_the_engine(venue: Venue) -> None:
    symbol, one = await venue.instrument(), venue.user()
    await venue.order(one, symbol, limit_price="99.5")
    deadline = time.monotonic() + DEADLINE_S
    answer: dict[str, Any] = {}
    # The cache may still receive the quote before the order; a quote without the order is not yet the end.
    while (answer.get("bid"), answer.get("last")) != ("99.5", "100"):
        while await cached(venue, symbol) is not None:
            assert time.monotonic() < deadline, "a stale quote stays in the cache"
            await asyncio.sleep(POLL_S)
        answer = await venue.get(None, f"{MARKET}/quote/{symbol}")
        assert time.monotonic() < deadline, f"the response is not the engine's quote: {answer}"


async def test_redelivery_changes_nothing_and_old_quotes_are_not_written(venue: Venue) -> None:
    symbol = await venue.instrument()
    valkey = venue.platform.valkey
    for price in ("100", "101", "102"):
        await venue.print(symbol, price, 2)

    async def all_published() -> list[bytes] | None:
        found = await published(venue.platform.nats, symbol)
        quotes = wire.decode_update(found[-1], "quote")["items"] if found else []
        last = [quote for *_, data in quotes if (quote := wire.decode_quote(data))["symbol"] == symbol]
        return found if last and last[0]["last"] == 102 * NANOS else None

    payloads = await until(all_published, "the last quote is published")
    assert len(payloads) >= 3
    for _ in range(2):
        await cache.write(payloads, valkey)
        await cache.write(payloads[:1], valkey)  # an older one, delivered again
        quote = await cached(venue, symbol)
        assert quote is None or quote["last"] == "102"
    await asyncio.sleep(cache.FRESH_MS / 1000 + 0.2)  # longer does no harm
    batch = [Message(1, "updates.main", payload, {}, 0) for payload in payloads]
    await cache_quotes(batch, valkey)  # type: ignore[arg-type]
    assert await cached(venue, symbol) is None, "a quote that is stale on arrival is not written"
