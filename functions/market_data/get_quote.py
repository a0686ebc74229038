"""Best bid and ask and the last price of a symbol, from the engine."""

from cift.contracts.market import QuoteView
from cift.function import http
from cift.market_data import live
from cift.platform.engine import Engine


@http("GET", "/api/v1/market-data/quote/{symbol}", scope=None)
async def get_quote(symbol: str, engine: Engine) -> QuoteView:
    return (await live.quotes([symbol], engine))[0]
