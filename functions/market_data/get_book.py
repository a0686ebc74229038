"""The visible book of a symbol, best prices first, from the engine."""

from typing import Annotated

from pydantic import Field

from cift.contracts.market import BookView
from cift.function import http
from cift.market_data import live
from cift.market_data.rules import DEPTH_MAX
from cift.platform.engine import Engine


@http("GET", "/api/v1/market-data/book/{symbol}", scope=None)
async def get_book(
    symbol: str,
    engine: Engine,
    depth: Annotated[int, Field(ge=1, le=DEPTH_MAX, description="Price levels on each side.")] = 10,
) -> BookView:
    return await live.book(symbol, depth, engine)
