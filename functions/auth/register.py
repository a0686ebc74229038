"""Register a user with a margin account of 100,000 USD of paper money."""

from cift.auth import accounts
from cift.contracts.auth import Registration, UserView
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller
from cift.platform.postgres import Database
from cift.platform.settings import Settings


@http("POST", "/api/v1/auth/register", scope=None, status=201, rate="auth", refusals=(409,))
async def register(
    registration: Registration, caller: Caller, database: Database, engine: Engine, settings: Settings
) -> UserView:
    return await accounts.register(registration, caller, database, engine, settings)
