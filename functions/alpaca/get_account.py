"""The account in Alpaca's form: cash, equity and buying power, from the engine."""

from cift.alpaca import accounts
from cift.alpaca.bodies import Account
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/v2/account", scope="read", form="alpaca", scale=Scale(max=1))
async def get_account(trader: Trader, engine: Engine, database: Database) -> Account:
    return await accounts.account(trader, engine, database)
