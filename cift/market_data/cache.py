"""Quotes in Valkey: the last of each symbol, gone a second after the engine made it.

A quote in the cache is at most `FRESH_MS` old by the engine's clock, and as a rule as old as its way through
the bus: each change of a quote is written over the one before. A quiet symbol's quote is soon gone, and so
is every quote when the engine, the bus or `market_data.cache_quotes` stop. Then the engine is queried. So
nothing stale is ever answered as if it were new: `at` and `sequence` say which moment it is.
"""

import time
from collections.abc import Iterable
from typing import Any

import orjson
from cift_core import wire

from cift.contracts.market import QuoteView
from cift.kernel.clock import rfc3339
from cift.kernel.money import format_nanos
from cift.platform import telemetry
from cift.platform.metrics import Counter
from cift.platform.valkey import Valkey, ValkeyUnavailable

FRESH_MS = 1_000
SYMBOLS_AT_ONCE_MAX = 500

# KEYS: quotes; ARGV: three for each: record sequence, milliseconds to live, the quote. What is there and
# newer stays: a batch that is delivered again changes nothing. A value begins with its sequence, 20 digits.
_WRITE = """
local written = 0
for i, key in ipairs(KEYS) do
  local there = redis.call('GETRANGE', key, 0, 19)
  if there == '' or there < ARGV[3 * i - 2] then
    redis.call('SET', key, ARGV[3 * i - 2] .. ARGV[3 * i], 'PX', ARGV[3 * i - 1])
    written = written + 1
  end
end
return written
"""
hits = Counter("cift_quote_cache", "Quotes asked of the cache, by what was found", ["found"])


def key_of(symbol: str) -> str:
    """Where a symbol's quote is."""
    return f"quote:{symbol}"


async def write(payloads: Iterable[bytes], valkey: Valkey) -> int:
    """Write the last of each symbol's quotes (payloads of `market.quote.<symbol>`, in order) that is still
    fresh; how many were new.

    Raises:
        ValkeyUnavailable: try again.
    """
    last: dict[str, dict[str, Any]] = {}
    for payload in payloads:
        quote = wire.decode_quote(payload)
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
    """The quote of a symbol; None where there is none that is fresh, or no Valkey."""
    try:
        found = await valkey.run(valkey.client.get(key_of(symbol)))
    except ValkeyUnavailable:
        telemetry.valkey_gone.labels("quote_cache").inc()
        found = None
    hits.labels("nothing" if found is None else "quote").inc()
    return None if found is None else QuoteView.model_construct(**orjson.loads(found[20:]))


def _body(quote: dict[str, Any]) -> bytes:
    """The fields of QuoteView."""
    amounts = ("bid", "bid_quantity", "ask", "ask_quantity", "last", "last_quantity")
    said: dict[str, Any] = {"symbol": quote["symbol"]}
    said |= {name: None if quote[name] is None else format_nanos(quote[name]) for name in amounts}
    said["last_at"] = None if quote["last_at"] is None else rfc3339(quote["last_at"])
    said |= {"halted": quote["halted"], "sequence": quote["sequence"], "at": rfc3339(quote["timestamp"])}
    return orjson.dumps(said)
