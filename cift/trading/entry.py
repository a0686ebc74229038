"""The way of a command to the engine and back: what functions of orders and of money do alike.

A refusal comes back explained, with the id under which the refused order is kept. Where an answer shows
more than the engine's reply holds, it is read from the read model, after it has caught up.
"""

from typing import Any

from cift.contracts.orders import NewOrder, OrderChange, OrderView
from cift.kernel.errors import (
    CiftError,
    Conflict,
    DoneUnseen,
    NotFound,
    ReadModelBehind,
    Refused,
    Unavailable,
)
from cift.kernel.ids import parse_uuid, uuid7
from cift.platform.engine import Engine, Result
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.trading import refusals, rules, store


async def submit(engine: Engine, command: dict[str, Any]) -> Result:
    """The engine's result. Raises its refusal with a sentence that has the numbers in it."""
    try:
        return await engine.submit(command)
    except Refused as refused:
        facts: dict[str, Any] = {}
        try:
            for question in refusals.facts_wanted(refused.code, command):
                facts |= await engine.query(question)
        except CiftError:
            pass  # an explanation is a courtesy
        refused.message, refused.field = refusals.explain(refused.code, command, facts)
        raise


async def place(
    order: NewOrder, trader: Trader, engine: Engine, database: Database, idempotency_key: str | None
) -> OrderView:
    """Have an order placed.

    Raises:
        Refused: with the reason as its code; `id` is the refused order's, where one was kept.
        Unavailable, OutcomeUnknown: as `Engine.submit`.
    """
    key = rules.client_key(order.client_order_id, idempotency_key)
    command = rules.admit(order, trader.account_id, uuid7(), key)
    try:
        result = await submit(engine, command)
    except Refused as refused:
        refused.id = await _refused_id(command, key, database)
        raise
    assert result.order is not None, "an order that was placed is told"
    return rules.placed(command, result.order, result.timestamp, result.command_sequence)


async def _refused_id(command: dict[str, Any], key: str | None, database: Database) -> str | None:
    """The id that a refused order is kept under: its own, or that of the first with the same key."""
    if key is None:
        return str(command["order"])
    account = command["account"]
    try:
        await database.caught_up(account, "project_orders")
        async with database.read(account) as c:
            row = await store.order_of_client(c, account, key)
    except CiftError:
        return None  # the refusal stands; its id can be found by client_order_id
    return None if row is None else str(row["id"])


async def find(id: str, trader: Trader, database: Database) -> OrderView:
    """An order of the caller's account, all that it has done included.

    Raises:
        NotFound: there is none, or it is not the caller's: nobody learns which.
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
    """Change an open order. Raises as `_settle`."""
    order_id = parse_uuid(id)
    if order_id is None:
        raise NotFound("order_not_found", "You have no order with this id")
    return await _settle(
        rules.replacement(change, trader.account_id, order_id, key), trader, engine, database
    )


async def cancel(id: str, trader: Trader, engine: Engine, database: Database, key: str | None) -> OrderView:
    """End an open order. Raises as `_settle`."""
    order_id = parse_uuid(id)
    if order_id is None:
        raise NotFound("order_not_found", "You have no order with this id")
    command = {"type": "cancel_order", "account": trader.account_id, "order": order_id}
    return await _settle(rules.with_key(command, key), trader, engine, database)


async def _settle(command: dict[str, Any], trader: Trader, engine: Engine, database: Database) -> OrderView:
    """Submit a command about one order, and show the order as the engine left it.

    Raises:
        NotFound: `order_not_found`.
        Conflict: `order_not_open`: it has ended; the message says how.
        Refused: the engine's reason.
        DoneUnseen: it is done, and the read model cannot show the order now. `Unavailable` would say that
            nothing was done.
    """
    try:
        result = await submit(engine, command)
    except Refused as refused:
        if refused.code != "order_not_open":
            raise
        order = await find(command["order"], trader, database)
        if order.status in ("held", "pending", "new", "partially_filled"):
            raise  # it is open and cannot be changed so (a held leg's quantity)
        raise Conflict("order_not_open", f"The order is {order.status}, not open any more") from None
    try:
        view = await find(command["order"], trader, database)
    except (ReadModelBehind, Unavailable) as unseen:
        raise DoneUnseen(command["order"]) from unseen
    assert result.order is not None, "an order that was changed is told"
    return rules.as_answered(view, result.order, result.timestamp, result.command_sequence, command)
