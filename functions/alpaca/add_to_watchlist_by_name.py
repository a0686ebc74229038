"""Add a symbol to a watchlist, found by its name."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.alpaca.requests import WatchlistSymbol
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("POST", "/v2/watchlists:by_name", scope="trade", form="alpaca", scale=Scale(max=1), refusals=(404,))
async def add_to_watchlist_by_name(
    name: str, symbol: WatchlistSymbol, trader: Trader, database: Database
) -> Watchlist:
    return await watchlists.change(trader, database, name=name, add=symbol.symbol)
