"""Quotes of several symbols, all of the same moment.

Unknown symbols are listed in `unknown_symbols`. 404 only if none of the requested symbols is known."""

from typing import Annotated

from pydantic import Field

from cift.contracts.market import QuotesView
from cift.function import http
from cift.market_data import live, rules
from cift.platform.engine import Engine


@http("GET", "/api/v1/market-data/quotes", scope=None, refusals=(404,))
async def list_quotes(
    symbols: Annotated[str, Field(description="Separated by commas, at most 100.", examples=["SPY,IBM"])],
    engine: Engine,
) -> QuotesView:
    return await live.quotes_of_known(rules.symbols_of(symbols), engine)
