"""SQL of orders and fills: what the projector writes (as the owner), and what functions read. Row-level
security limits a read to the rows of the caller's account.

A batch is at most three statements, whatever its size. The columns are those of `cift.trading.rows`.
"""

from datetime import datetime
from typing import Any

import asyncpg

from cift.platform.columns import insert, selection, update
from cift.platform.postgres import Connection
from cift.trading.rows import Fill, Order, OrderChanges, OrderUpdate

Row = asyncpg.Record

_INSERT_ORDERS = insert("orders", Order)
_UPDATE_ORDERS = update(
    "orders",
    OrderUpdate,
    "id",
    none_keeps=True,
    # An order has one trail: setting one removes the other.
    trail_amount="CASE WHEN u.trail_ppm IS NULL THEN {} END",
    trail_ppm="CASE WHEN u.trail_amount IS NULL THEN {} END",
)
_INSERT_FILLS = insert("order_fills", Fill)
_ORDER = selection(Order, "remaining_quantity", "average_fill_price")
_FILL = selection(Fill, "notional")


async def write_orders(c: Connection, changes: OrderChanges) -> None:
    """Writes the changes of one batch.

    Raises:
        RuntimeError: an order that changed is not in the table. Nothing of the batch may be committed.
    """
    await _INSERT_ORDERS.execute(c, changes.new.values())
    await _UPDATE_ORDERS.execute_all(c, changes.changed.values(), "orders")
    await _INSERT_FILLS.execute(c, changes.fills)


async def order(c: Connection, account: str, id: str) -> Row | None:
    """One order of the account."""
    return await c.fetchrow(f"SELECT {_ORDER} FROM orders WHERE id = $1 AND account_id = $2", id, account)


async def orders(
    c: Connection,
    account: str,
    *,
    is_open: bool | None,
    symbol: str | None,
    client_order_id: str | None,
    before: tuple[int, str] | None,
    limit: int,
) -> list[Row]:
    """Orders of the account, newest first, from below `before` (created_sequence, id)."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    if is_open is not None:
        where.append("is_open" if is_open else "NOT is_open")
    _equal(where, values, "symbol", symbol)
    _equal(where, values, "client_order_id", client_order_id)
    if before is not None:
        values += before
        where.append(f"(created_sequence, id) < (${len(values) - 1}, ${len(values)}::uuid)")
    return await c.fetch(
        f"SELECT {_ORDER} FROM orders WHERE {' AND '.join(where)}"
        f" ORDER BY created_sequence DESC, id DESC LIMIT {limit:d}",
        *values,
    )


async def search_orders(
    c: Connection,
    account: str,
    *,
    is_open: bool | None,
    symbols: list[str] | None,
    side: str | None,
    after: datetime | None,
    until: datetime | None,
    roots_only: bool,
    ascending: bool,
    limit: int,
) -> list[Row]:
    """Orders of the account that were created in (after, until), by that time; `roots_only`: no legs."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    if is_open is not None:
        where.append("is_open" if is_open else "NOT is_open")
    if symbols is not None:
        values.append(symbols)
        where.append(f"symbol = ANY(${len(values)})")
    _equal(where, values, "side", side)
    for operator, moment in ((">", after), ("<", until)):
        if moment is not None:
            values.append(moment)
            where.append(f"created_at {operator} ${len(values)}")
    if roots_only:
        where.append("parent_id IS NULL")
    order = "ASC" if ascending else "DESC"
    return await c.fetch(
        f"SELECT {_ORDER} FROM orders WHERE {' AND '.join(where)}"
        f" ORDER BY created_sequence {order}, id {order} LIMIT {limit:d}",
        *values,
    )


async def orders_by_id(c: Connection, account: str, ids: list[str]) -> list[Row]:
    """These orders of the account, in no order."""
    return await c.fetch(
        f"SELECT {_ORDER} FROM orders WHERE account_id = $1 AND id = ANY($2::uuid[])", account, ids
    )


async def legs(c: Connection, account: str, parents: list[str]) -> list[Row]:
    """The legs of these orders, take-profit first."""
    return await c.fetch(
        f"SELECT {_ORDER} FROM orders WHERE account_id = $1 AND parent_id = ANY($2::uuid[]) ORDER BY id",
        account,
        parents,
    )


async def fills(
    c: Connection,
    account: str,
    *,
    order_id: str | None,
    symbol: str | None,
    before: tuple[int, int] | None,
    limit: int,
) -> list[Row]:
    """Fills of the account, newest first, from below `before` (sequence, entry)."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    _equal(where, values, "order_id", order_id)
    _equal(where, values, "symbol", symbol)
    if before is not None:
        values += before
        where.append(f"(sequence, entry) < (${len(values) - 1}, ${len(values)})")
    return await c.fetch(
        f"SELECT {_FILL} FROM order_fills WHERE {' AND '.join(where)}"
        f" ORDER BY sequence DESC, entry DESC LIMIT {limit:d}",
        *values,
    )


def _equal(where: list[str], values: list[Any], column: str, value: Any) -> None:
    """Adds the condition that a column has a value, where one is given."""
    if value is not None:
        values.append(value)
        where.append(f"{column} = ${len(values)}")
