"""Revoke an API key, immediately and permanently."""

from cift.auth import keys
from cift.function import http
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database


@http("DELETE", "/api/v1/auth/api-keys/{id}", scope="keys", status=204)
async def revoke_api_key(
    id: str, trader: Trader, caller: Caller, database: Database, identity: Identity
) -> None:
    await keys.revoke_key(id, trader, caller, database, identity)
