"""List the watchlists of the account, without their assets."""

from cift.alpaca import watchlists
from cift.alpaca.bodies import Watchlist
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/watchlists", scope="read", form="alpaca", scale=Scale(max=1))
async def list_watchlists(trader: Trader, database: Database) -> list[Watchlist]:
    return await watchlists.list_all(trader, database)
