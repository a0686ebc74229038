"""Create a watchlist."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.alpaca.requests import WatchlistRequest
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("POST", "/v2/watchlists", scope="trade", form="alpaca", scale=Scale(max=1))
async def create_watchlist(watchlist: WatchlistRequest, trader: Trader, database: Database) -> Watchlist:
    return await watchlists.create(watchlist, trader, database)
