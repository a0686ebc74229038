"""Delete a watchlist, found by its id."""

from cift.alpaca import watchlists
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("DELETE", "/v2/watchlists/{watchlist_id}", scope="trade", form="alpaca", scale=Scale(max=1), status=204)
async def delete_watchlist(watchlist_id: str, trader: Trader, database: Database) -> None:
    await watchlists.delete(trader, database, id=watchlist_id)
