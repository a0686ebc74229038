"""Cancel all open orders of the account, or those in one symbol. Returns how many."""

from typing import Annotated

from pydantic import Field

from cift.contracts.headers import IdempotencyKey
from cift.contracts.orders import SYMBOL_PATTERN, CanceledView
from cift.function import http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.trading import order_entry


@http("DELETE", "/api/v1/trading/orders", scope="trade")
async def cancel_all(
    trader: Trader,
    engine: Engine,
    symbol: Annotated[str | None, Field(pattern=SYMBOL_PATTERN)] = None,
    idempotency_key: IdempotencyKey = None,
) -> CanceledView:
    result = await order_entry.submit(
        engine,
        {
            "type": "cancel_all",
            "account": trader.account_id,
            "symbol": symbol and symbol.upper(),
            "idempotency_key": idempotency_key,
        },
    )
    return CanceledView(canceled=result.affected)
