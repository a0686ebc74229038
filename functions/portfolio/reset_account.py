"""Reset the account: cancel all orders, remove all positions and set the cash.

An account with a limit of its daily loss cannot be reset: the loss of the day would be forgotten."""

from cift.contracts.accounts import AccountReset, TransactionView
from cift.contracts.headers import IdempotencyKey
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.portfolio.transfers import transfer, transfer_id


@http("POST", "/api/v1/trading/account/reset", scope="funds", status=201)
async def reset_account(
    trader: Trader,
    engine: Engine,
    database: Database,
    settings: Settings,
    reset: AccountReset | None = None,
    idempotency_key: IdempotencyKey = None,
) -> TransactionView:
    cash = (reset or AccountReset()).cash
    return await transfer(
        {
            "type": "reset_account",
            "account": trader.account_id,
            "transfer": transfer_id(trader.account_id, "reset", idempotency_key),
            "cash": cash,
            "idempotency_key": idempotency_key,
        },
        trader,
        engine,
        database,
        settings,
    )
