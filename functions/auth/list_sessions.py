"""List your sessions: when they began, and from where they were last used."""

from cift.auth import access
from cift.contracts.auth import SessionsView
from cift.function import Scale, http
from cift.platform.identity import Trader
from cift.platform.postgres import Database


@http("GET", "/api/v1/auth/sessions", scope="session", scale=Scale(max=1))
async def list_sessions(trader: Trader, database: Database) -> SessionsView:
    return await access.list_sessions(trader, database)
