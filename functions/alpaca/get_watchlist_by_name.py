"""A watchlist with its assets, by its name."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/watchlists:by_name", scope="read", form="alpaca", scale=Scale(max=1), refusals=(404,))
async def get_watchlist_by_name(name: str, trader: Trader, database: Database) -> Watchlist:
    return await watchlists.get(trader, database, name=name)
