"""The symbols with the most volume or trades of the last 24 hours, in Alpaca's form."""

from typing import Annotated, Any, Literal

from pydantic import Field

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta1/screener/stocks/most-actives", scope="read", form="alpaca", scale=Scale(max=1))
async def get_most_actives(
    trader: Trader,
    database: Database,
    by: Literal["volume", "trades"] = "volume",
    top: Annotated[int, Field(ge=1, le=100)] = 10,
) -> dict[str, Any]:
    return await market.most_actives(by, top, database)
