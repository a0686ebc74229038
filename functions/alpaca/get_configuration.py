"""The settings of the account in Alpaca's form."""

from cift.alpaca import accounts
from cift.alpaca.bodies import Configuration
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/account/configurations", scope="read", form="alpaca", scale=Scale(max=1))
async def get_configuration(trader: Trader, database: Database) -> Configuration:
    return await accounts.configuration(trader, database)
