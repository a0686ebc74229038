"""The equity of the account over time in Alpaca's form, from its first day."""

from cift.alpaca import accounts
from cift.alpaca.bodies import History
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/account/portfolio/history", scope="read", form="alpaca", scale=Scale(max=1))
async def get_portfolio_history(
    trader: Trader,
    database: Database,
    period: str | None = None,
    timeframe: str | None = None,
    start: str | None = None,
    end: str | None = None,
    date_end: str | None = None,
) -> History:
    return await accounts.portfolio_history(
        trader, database, period=period, timeframe=timeframe, start=start, end=end or date_end
    )
