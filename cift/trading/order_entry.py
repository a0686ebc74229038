"""The path of an order's command to the engine and back.

A refusal explains itself. A response that shows more than the engine's result is read from the read model,
after that has caught up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cift.contracts.orders import NewOrder, OrderChange, OrderView
from cift.kernel.errors import (
    AppliedButNotVisible,
    Conflict,
    NotFound,
    ReadModelBehind,
    Refused,
    Unavailable,
)
from cift.kernel.ids import parse_uuid, uuid7
from cift.platform.engine import Engine, Result
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import queries, refusals, rules, store

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages


async def submit(
    engine: Engine,
    command: messages.PlaceOrder | messages.ReplaceOrder | messages.CancelOrder | messages.CancelAll,
) -> Result:
    """The engine's result. Raises its refusal with a sentence that contains the numbers."""
    try:
        return await engine.submit(command)
    except Refused as refused:
        terms = refusals.terms_of(command)
        facts = await queries.facts_for(refused.code, terms, engine)
        refused.message, refused.field = refusals.explain(refused.code, terms, facts)
        raise


async def place(order: NewOrder, trader: Trader, engine: Engine, idempotency_key: str | None) -> OrderView:
    """Place an order.

    Raises:
        Refused: the engine's reason is the code; `id` is the refused order's, where one was kept.
        Unavailable, OutcomeUnknown: as `Engine.submit`.
    """
    key = rules.client_key(order.client_order_id, idempotency_key)
    command = rules.admit(order, trader.account_id, uuid7(), key)
    result = await submit(engine, command)
    assert result.order is not None, "the result of place_order has the order"
    return rules.placed(command, result.order, result.timestamp, result.command_sequence)


async def find(id: str, trader: Trader, database: Database) -> OrderView:
    """An order of the caller's account, with everything that it has done.

    Raises:
        NotFound: there is none, or it belongs to another account. The error does not show which.
    """
    order_id = parse_uuid(id)
    if order_id is not None:
        await database.caught_up(trader.account_id, "project_orders")
        async with database.read(trader.account_id) as c:
            row = await store.order(c, trader.account_id, order_id)
        if row is not None:
            return rules.order_view(row)
    raise NotFound("order_not_found", "You have no order with this id")


async def replace(
    id: str, change: OrderChange, trader: Trader, engine: Engine, database: Database, key: str | None
) -> OrderView:
    """Change an open order. Raises as `_apply`."""
    command = rules.replacement(change, trader.account_id, _order_id(id), key)
    return await _apply(command, trader, engine, database)


async def cancel(id: str, trader: Trader, engine: Engine, database: Database, key: str | None) -> OrderView:
    """Cancel an open order. Raises as `_apply`."""
    command: messages.CancelOrder = {
        "type": "cancel_order",
        "account": trader.account_id,
        "order": _order_id(id),
        "idempotency_key": key,
    }
    return await _apply(command, trader, engine, database)


def _order_id(id: str) -> str:
    order_id = parse_uuid(id)
    if order_id is None:
        raise NotFound("order_not_found", "You have no order with this id")
    return order_id


async def _apply(
    command: messages.ReplaceOrder | messages.CancelOrder, trader: Trader, engine: Engine, database: Database
) -> OrderView:
    """Submit a command about one order, and show the order as the engine left it.

    Raises:
        NotFound: `order_not_found`.
        Conflict: `order_not_open`: the order has ended; the message contains its status.
        Refused: the engine's reason.
        AppliedButNotVisible: the command is applied, and the read model cannot show the order now.
            `Unavailable` would mean that nothing was done.
    """
    try:
        result = await submit(engine, command)
    except Refused as refused:
        if refused.code != "order_not_open":
            raise
        order = await find(command["order"], trader, database)
        if order.status in ("held", "pending", "new", "partially_filled"):
            raise  # it is open, and cannot be changed in this way (the quantity of a held leg)
        raise Conflict("order_not_open", f"The order is {order.status}, not open") from None
    try:
        view = await find(command["order"], trader, database)
    except (ReadModelBehind, Unavailable) as behind:
        raise AppliedButNotVisible(command["order"]) from behind
    assert result.order is not None, "the result of a command about one order has the order"
    return rules.as_answered(view, result.order, result.timestamp, result.command_sequence, command)
