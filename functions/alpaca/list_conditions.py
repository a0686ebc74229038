"""The conditions that trades and quotes can have, in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader


@http("GET", "/v2/stocks/meta/conditions/{ticktype}", scope="read", form="alpaca", scale=Scale(max=1))
async def list_conditions(ticktype: str, trader: Trader, tape: str | None = None) -> dict[str, Any]:
    return market.conditions(ticktype)
