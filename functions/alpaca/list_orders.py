"""List the orders of the account in Alpaca's form, newest first; open ones by default."""

from typing import Literal

from cift.alpaca import orders, times, trading
from cift.alpaca.bodies import Order
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/orders", scope="read", form="alpaca", scale=Scale(max=2), refusals=(404,))
async def list_orders(
    trader: Trader,
    database: Database,
    status: Literal["open", "closed", "all"] = "open",
    limit: int | None = None,
    after: str | None = None,
    until: str | None = None,
    direction: Literal["asc", "desc"] = "desc",
    nested: bool = False,
    symbols: str | None = None,
    side: Literal["buy", "sell"] | None = None,
    asset_class: str | None = None,
    before_order_id: str | None = None,
    after_order_id: str | None = None,
) -> list[Order]:
    return await trading.search(
        trader,
        database,
        status=status,
        limit=orders.limit_of(limit, trading.LIST_DEFAULT, trading.LIST_MAX),
        symbols=symbols,
        side=side,
        asset_class=asset_class,
        after=times.moment(after, "after"),
        until=times.moment(until, "until"),
        nested=nested,
        ascending=direction == "asc",
        before_order_id=before_order_id,
        after_order_id=after_order_id,
    )
