"""Delete a watchlist, found by its name."""

from cift.alpaca import watchlists
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http(
    "DELETE",
    "/v2/watchlists:by_name",
    scope="trade",
    form="alpaca",
    scale=Scale(max=1),
    status=204,
    refusals=(404,),
)
async def delete_watchlist_by_name(name: str, trader: Trader, database: Database) -> None:
    await watchlists.delete(trader, database, name=name)
