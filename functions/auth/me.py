"""The user that the request's credential belongs to, with its scopes."""

from cift.auth import accounts
from cift.contracts.auth import Me
from cift.function import http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/api/v1/auth/me", scope="read")
async def me(trader: Trader, database: Database) -> Me:
    return await accounts.whoami(trader, database)
