"""The best bid and ask and the last price of a symbol.

Without a credential the quote may come from a cache and be up to one second old. With a credential it comes
from the engine, so that callers see the effect of their own last order."""

from cift.contracts.market import QuoteView
from cift.function import http
from cift.market_data import cache, live, rules
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.valkey import Valkey


@http("GET", "/api/v1/market-data/quote/{symbol}", scope=None)
async def get_quote(symbol: str, trader: Trader | None, engine: Engine, valkey: Valkey) -> QuoteView:
    if trader is None:
        cached = await cache.read(rules.symbol_of(symbol), valkey)
        if cached is not None:
            return cached
    return (await live.quotes([symbol], engine))[0]
