"""Create an API key.

Only this response contains the key. A user has at most 100 keys (`too_many_api_keys`)."""

from cift.auth import keys
from cift.contracts.auth import CreatedApiKey, NewApiKey
from cift.function import http
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database


@http("POST", "/api/v1/auth/api-keys", scope="keys", status=201)
async def create_api_key(new: NewApiKey, trader: Trader, caller: Caller, database: Database) -> CreatedApiKey:
    return await keys.create_key(new, trader, caller, database)
