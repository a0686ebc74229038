"""Withdraw paper money.

At most the `withdrawable` amount: cash that neither open orders nor positions need (`insufficient_cash`)."""

from cift.contracts.accounts import CashAmount, TransactionView
from cift.contracts.headers import IdempotencyKey
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.platform.settings import Settings
from cift.portfolio.transfers import transfer, transfer_id


@http("POST", "/api/v1/trading/account/withdraw", scope="funds", status=201)
async def withdraw(
    cash: CashAmount,
    trader: Trader,
    engine: Engine,
    database: Database,
    settings: Settings,
    idempotency_key: IdempotencyKey = None,
) -> TransactionView:
    return await transfer(
        {
            "type": "withdraw",
            "account": trader.account_id,
            "transfer": transfer_id(trader.account_id, "withdraw", idempotency_key),
            "amount": cash.amount,
            "idempotency_key": idempotency_key,
        },
        trader,
        engine,
        database,
        settings,
    )
