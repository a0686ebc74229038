"""Set the state and the limits of an account.

An account that a TradingAccount resource manages is refused (`managed_account`): edit the resource."""

from cift.admin import accounts
from cift.auth import managed, store
from cift.contracts.admin import AccountEdit, AdminAccount
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database


@http("PATCH", "/api/v1/admin/accounts/{account_id}", scope="admin")
async def edit_account(
    account_id: str, edit: AccountEdit, trader: Trader, caller: Caller, engine: Engine, database: Database
) -> AdminAccount:
    account = accounts.account_named(account_id)
    async with database.write() as c:
        await managed.refuse_managed(account, c)
        await store.audit(c, "account_edited", caller, user_id=trader.user_id, subject=account)
    return await accounts.edit_account(account, edit, engine)
