"""Disable a user, or enable it again. `user` is the user's id, username or email.

Disabling ends all access at once: sessions, API keys and open connections. Orders and positions stay; set the
state of the account to stop them."""

from cift.auth import access
from cift.contracts.users import AdminUser, UserEdit
from cift.function import Scale, http
from cift.platform.identity import Caller, Identity, Trader
from cift.platform.postgres import Database


@http("PATCH", "/api/v1/admin/users/{user}", scope="admin", scale=Scale(max=1))
async def edit_user(
    user: str, edit: UserEdit, trader: Trader, caller: Caller, database: Database, identity: Identity
) -> AdminUser:
    return await access.edit_user(user, edit, trader, caller, database, identity)
