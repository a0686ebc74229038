"""List your API keys, newest first, without their secrets. Revoked keys are included."""

from cift.auth import keys
from cift.contracts.auth import ApiKeyView
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/api/v1/auth/api-keys", scope="keys")
async def list_api_keys(page: PageRequest, trader: Trader, database: Database) -> Page[ApiKeyView]:
    return await keys.list_keys(page, trader, database)
