"""Quotes of several symbols, all as of the same moment."""

from typing import Annotated

from pydantic import Field

from cift.contracts.market import QuotesView
from cift.function import http
from cift.market_data import live, rules
from cift.platform.engine import Engine


@http("GET", "/api/v1/market-data/quotes", scope=None)
async def list_quotes(
    symbols: Annotated[str, Field(description="Separated by commas, at most 100.", examples=["SPY,IBM"])],
    engine: Engine,
) -> QuotesView:
    return QuotesView.model_construct(
        items=await live.quotes(rules.symbols_of(symbols), engine), next_cursor=None
    )
