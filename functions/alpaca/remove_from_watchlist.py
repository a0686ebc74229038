"""Remove a symbol from a watchlist."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("DELETE", "/v2/watchlists/{watchlist_id}/{symbol}", scope="trade", form="alpaca", scale=Scale(max=1))
async def remove_from_watchlist(
    watchlist_id: str, symbol: str, trader: Trader, database: Database
) -> Watchlist:
    return await watchlists.change(trader, database, id=watchlist_id, remove=symbol)
