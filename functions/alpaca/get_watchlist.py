"""A watchlist with its assets, by its id."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/watchlists/{watchlist_id}", scope="read", form="alpaca", scale=Scale(max=1))
async def get_watchlist(watchlist_id: str, trader: Trader, database: Database) -> Watchlist:
    return await watchlists.get(trader, database, id=watchlist_id)
