"""Set the state and the limits of an account, unless a TradingAccount resource does."""

from cift.auth import managed, store
from cift.contracts.operate import AccountEdit, OperatedAccount
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database
from cift.trading import operate


@http("PATCH", "/api/v1/operate/accounts/{account_id}", scope="operate")
async def edit_account(
    account_id: str, edit: AccountEdit, trader: Trader, caller: Caller, engine: Engine, database: Database
) -> OperatedAccount:
    account = operate.account_named(account_id)
    async with database.write() as c:
        await managed.refuse_managed(account, c)
        await store.audit(c, "account_edited", caller, user_id=trader.user_id, subject=account)
    return await operate.edit_account(account, edit, engine)
