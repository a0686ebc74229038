"""Quotes in Valkey: the last quote of each symbol, which expires a second after the engine made it.

A quote in the cache is at most `FRESH_MS` old by the engine's clock, and usually only as old as its
delivery through the bus: each change overwrites the quote before it. The quote of a quiet symbol expires,
and so does every quote when the engine, the bus or `market_data.cache_quotes` stop. Then the engine is
queried, so no response contains a stale quote; its `at` and `sequence` show the time of the quote.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import orjson
from cift_core import wire

from cift.contracts.market import QuoteView
from cift.kernel.clock import rfc3339
from cift.kernel.money import format_nanos
from cift.platform import telemetry
from cift.platform.metrics import Counter
from cift.platform.valkey import Valkey, ValkeyUnavailable

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

FRESH_MS = 1_000
SYMBOLS_AT_ONCE_MAX = 500

# KEYS: quotes; ARGV: three for each: record sequence, milliseconds to live, the quote. A newer quote stays,
# so a batch that is delivered again changes nothing. A value begins with its sequence, 20 digits.
_WRITE = """
local written = 0
for i, key in ipairs(KEYS) do
  local found = redis.call('GETRANGE', key, 0, 19)
  if found == '' or found < ARGV[3 * i - 2] then
    redis.call('SET', key, ARGV[3 * i - 2] .. ARGV[3 * i], 'PX', ARGV[3 * i - 1])
    written = written + 1
  end
end
return written
"""
hits = Counter("cift_quote_cache", "Reads of the quote cache, by result", ["found"])


def key_of(symbol: str) -> str:
    """The key of a symbol's quote."""
    return f"quote:{symbol}"


async def write(payloads: Iterable[bytes], valkey: Valkey) -> int:
    """Write each symbol's last quote (payloads of UPDATES, in order), unless it is stale.
    Returns how many were new.

    Raises:
        ValkeyUnavailable: try again.
    """
    last: dict[str, messages.QuoteMessage] = {}
    for payload in payloads:
        update: messages.UpdateMessage = wire.decode_update(payload, "quote")
        for _, _, _, data in update["items"]:
            quote: messages.QuoteMessage = wire.decode_quote(data)
            last[quote["symbol"]] = quote
    keys: list[str] = []
    arguments: list[Any] = []
    now_ms = time.time_ns() // 1_000_000
    written = 0
    for symbol, quote in last.items():
        left_ms = FRESH_MS - (now_ms - quote["timestamp"] // 1_000_000)
        if left_ms > 0:
            keys.append(key_of(symbol))
            arguments += (f"{quote['sequence']:020d}", min(left_ms, FRESH_MS), _body(quote))
    script = valkey.client.register_script(_WRITE)
    for begin in range(0, len(keys), SYMBOLS_AT_ONCE_MAX):
        end = begin + SYMBOLS_AT_ONCE_MAX
        written += await valkey.run(script(keys=keys[begin:end], args=arguments[3 * begin : 3 * end]))
    return written


async def read(symbol: str, valkey: Valkey) -> QuoteView | None:
    """The quote of a symbol; None where the cache has none, or Valkey is not available."""
    try:
        found = await valkey.run(valkey.client.get(key_of(symbol)))
    except ValkeyUnavailable:
        telemetry.valkey_gone.labels("quote_cache").inc()
        found = None
    hits.labels("nothing" if found is None else "quote").inc()
    return None if found is None else QuoteView.model_construct(**orjson.loads(found[20:]))


def _amount(nanos: int | None) -> str | None:
    return None if nanos is None else format_nanos(nanos)


def _body(quote: messages.QuoteMessage) -> bytes:
    """The fields of QuoteView."""
    return orjson.dumps(
        {
            "symbol": quote["symbol"],
            "bid": _amount(quote["bid"]),
            "bid_quantity": _amount(quote["bid_quantity"]),
            "ask": _amount(quote["ask"]),
            "ask_quantity": _amount(quote["ask_quantity"]),
            "last": _amount(quote["last"]),
            "last_quantity": _amount(quote["last_quantity"]),
            "last_at": None if quote["last_at"] is None else rfc3339(quote["last_at"]),
            "halted": quote["halted"],
            "sequence": quote["sequence"],
            "at": rfc3339(quote["timestamp"]),
        }
    )
