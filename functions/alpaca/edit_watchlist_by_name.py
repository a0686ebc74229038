"""Set the name and the symbols of a watchlist, found by its name."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.alpaca.requests import WatchlistRequest
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("PUT", "/v2/watchlists:by_name", scope="trade", form="alpaca", scale=Scale(max=1), refusals=(404,))
async def edit_watchlist_by_name(
    name: str, watchlist: WatchlistRequest, trader: Trader, database: Database
) -> Watchlist:
    return await watchlists.change(trader, database, name=name, to=watchlist)
