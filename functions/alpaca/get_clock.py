"""Whether the exchange is open, and the next hours of the New York Stock Exchange."""

from cift.alpaca import market_hours
from cift.alpaca.bodies import Clock
from cift.function import Scale, http
from cift.kernel.clock import now_ns
from cift.platform.engine import Engine
from cift.platform.identity import Trader


@http("GET", "/v2/clock", scope="read", form="alpaca", scale=Scale(max=1))
async def get_clock(trader: Trader, engine: Engine) -> Clock:
    return await market_hours.clock(engine, now_ns())
