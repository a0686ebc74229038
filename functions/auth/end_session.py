"""End one of your sessions. Its tokens and its open connections end at once."""

from cift.auth import access
from cift.function import Scale, http
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database


@http("DELETE", "/api/v1/auth/sessions/{id}", scope="session", status=204, scale=Scale(max=1))
async def end_session(
    id: str, trader: Trader, caller: Caller, database: Database, identity: Identity
) -> None:
    await access.end_session(id, trader, caller, database, identity)
