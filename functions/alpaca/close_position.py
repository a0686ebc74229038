"""Close a position, or a part of it (`qty` or `percentage`), by a market order."""

from cift.alpaca import accounts
from cift.alpaca.bodies import Order
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("DELETE", "/v2/positions/{symbol_or_asset_id}", scope="trade", form="alpaca", scale=Scale(max=1))
async def close_position(
    symbol_or_asset_id: str,
    trader: Trader,
    engine: Engine,
    database: Database,
    qty: str | None = None,
    percentage: str | None = None,
) -> Order:
    return await accounts.close(
        symbol_or_asset_id,
        accounts.amount(qty, "qty"),
        accounts.amount(percentage, "percentage"),
        trader,
        engine,
        database,
    )
