"""Change settings of the account. Absent and null fields stay unchanged."""

from cift.alpaca import accounts
from cift.alpaca.bodies import Configuration
from cift.alpaca.requests import ConfigurationPatch
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("PATCH", "/v2/account/configurations", scope="trade", form="alpaca", scale=Scale(max=1))
async def edit_configuration(patch: ConfigurationPatch, trader: Trader, database: Database) -> Configuration:
    return await accounts.configure(patch, trader, database)
