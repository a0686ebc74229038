"""Add a symbol to a watchlist, found by its id."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.alpaca.requests import WatchlistSymbol
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("POST", "/v2/watchlists/{watchlist_id}", scope="trade", form="alpaca", scale=Scale(max=1))
async def add_to_watchlist(
    watchlist_id: str, symbol: WatchlistSymbol, trader: Trader, database: Database
) -> Watchlist:
    return await watchlists.change(trader, database, id=watchlist_id, add=symbol.symbol)
