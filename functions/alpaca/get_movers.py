"""The symbols whose price rose and fell the most since the previous day, in Alpaca's form."""

from typing import Annotated, Any, Literal

from pydantic import Field

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v1beta1/screener/{market_type}/movers", scope="read", form="alpaca", scale=Scale(max=1))
async def get_movers(
    market_type: Literal["stocks", "crypto"],
    trader: Trader,
    database: Database,
    top: Annotated[int, Field(ge=1, le=50)] = 10,
) -> dict[str, Any]:
    return await market.movers("us_equity" if market_type == "stocks" else "crypto", top, database)
