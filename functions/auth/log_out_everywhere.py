"""End all your sessions, including this one. Their tokens and open connections end at once.

`api_keys=true` also revokes all your API keys."""

from cift.auth import access
from cift.function import Scale, http
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database


@http("DELETE", "/api/v1/auth/sessions", scope="session", status=204, scale=Scale(max=1))
async def log_out_everywhere(
    trader: Trader, caller: Caller, database: Database, identity: Identity, api_keys: bool = False
) -> None:
    await access.log_out_everywhere(trader, caller, database, identity, api_keys=api_keys)
