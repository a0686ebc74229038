"""Close a position, or a `quantity` of it, by a market order that can only reduce it.

A repeated Idempotency-Key returns the order of the first request in its present state."""

from typing import Annotated

from pydantic import Field

from cift.contracts.amounts import Nanos
from cift.contracts.headers import IdempotencyKey
from cift.contracts.orders import OrderView
from cift.function import Scale, http
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import closing


@http("DELETE", "/api/v1/trading/positions/{symbol}", scope="trade", scale=Scale(max=1))
async def close_position(
    symbol: str,
    trader: Trader,
    engine: Engine,
    database: Database,
    quantity: Annotated[Nanos | None, Field(description="Default: the whole position.")] = None,
    idempotency_key: IdempotencyKey = None,
) -> OrderView:
    return await closing.close(symbol.upper()[:16], quantity, trader, engine, database, idempotency_key)
