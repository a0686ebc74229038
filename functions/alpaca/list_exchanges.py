"""The exchange codes of trades and quotes, in Alpaca's form."""

from typing import Any

from cift.alpaca import market
from cift.function import Scale, http
from cift.platform.identity import Trader


@http("GET", "/v2/stocks/meta/exchanges", scope="read", form="alpaca", scale=Scale(max=1))
async def list_exchanges(trader: Trader) -> dict[str, Any]:
    return market.EXCHANGES
