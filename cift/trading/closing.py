"""Closing a position by one request: a market order of the opposite side that can only reduce it."""

from __future__ import annotations

from cift.contracts.orders import NewOrder, OrderView
from cift.kernel.errors import NotFound, Refused
from cift.kernel.money import format_nanos, parse_nanos
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import order_entry, rules, store


async def close(
    symbol: str, quantity: int | None, trader: Trader, engine: Engine, database: Database, key: str | None
) -> OrderView:
    """Close the position, or `quantity` (nanos) of it. A repeated `key` returns the first request's order.

    Raises:
        NotFound: there is no position. Refused: `insufficient_position`, or the engine's reason.
        Unavailable, OutcomeUnknown: as `Engine.submit`.
    """
    if key is not None:
        first = await _placed(key, trader, database)
        if first is not None:
            return first
    answer = await engine.query({"account": trader.account_id})
    held = next((each for each in answer["positions"] if each["symbol"] == symbol), None)
    whole = 0 if held is None else parse_nanos(held["quantity"], "quantity", signed=True)
    if whole == 0:
        raise NotFound("position_not_found", f"You have no position in {symbol}", "symbol")
    wanted = abs(whole) if quantity is None else quantity
    if not 0 < wanted <= abs(whole):
        raise Refused(
            "insufficient_position",
            f"The position in {symbol} is {format_nanos(whole)}; {format_nanos(wanted)} cannot be closed",
            "quantity",
        )
    order = NewOrder.model_validate(
        {
            "symbol": symbol,
            "side": "sell" if whole > 0 else "buy",
            "type": "market",
            "quantity": format_nanos(wanted),
            "reduce_only": True,
        }
    )
    return await order_entry.place(order, trader, engine, key)


async def _placed(key: str, trader: Trader, database: Database) -> OrderView | None:
    """The order that an earlier request with this key placed."""
    await database.caught_up(trader.account_id, "project_orders")
    async with database.read(trader.account_id) as c:
        rows = await store.orders(
            c, trader.account_id, is_open=None, symbol=None, client_order_id=key, before=None, limit=1
        )
    return rules.order_view(rows[0]) if rows else None
