"""SQL of orders and fills: what the projector writes (as the owner), and what functions read. Row-level
security limits a read to the rows of the caller's account.

A batch is at most three statements, whatever its size. The columns are those of `cift.trading.rows`.
"""

from datetime import datetime
from typing import Any

import asyncpg

from cift.contracts.times import Span
from cift.platform import filters
from cift.platform.columns import columns_of, insert, selection, update
from cift.platform.postgres import Connection
from cift.trading.rows import Fill, Order, OrderChanges, OrderUpdate, Replacement

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
_INSERT_REPLACEMENTS = insert("order_replacements", Replacement)
# What the batch does not show of the order before its replacement is in `orders`, before the batch's updates.
_COMPLETE_REPLACEMENTS = """
UPDATE order_replacements r SET
    quantity = coalesce(r.quantity, o.quantity),
    filled_quantity = coalesce(r.filled_quantity, o.filled_quantity),
    filled_notional = coalesce(r.filled_notional, o.filled_notional),
    limit_price = coalesce(r.limit_price, o.limit_price),
    stop_price = coalesce(r.stop_price, o.stop_price),
    trail_amount = CASE WHEN r.trail_ppm IS NULL THEN coalesce(r.trail_amount, o.trail_amount) END,
    trail_ppm = CASE WHEN r.trail_amount IS NULL THEN coalesce(r.trail_ppm, o.trail_ppm) END
FROM orders o WHERE r.id = ANY($1::uuid[]) AND o.id = r.order_id
"""
_ORDER = selection(Order, "remaining_quantity", "average_fill_price")
_FILL = selection(Fill, "notional")
_REPLACEMENT = selection(Replacement)


async def write_orders(c: Connection, changes: OrderChanges) -> None:
    """Writes the changes of one batch.

    Raises:
        RuntimeError: an order that changed is not in the table. Nothing of the batch may be committed.
    """
    await _INSERT_ORDERS.execute(c, changes.new.values())
    if changes.replacements:
        await _INSERT_REPLACEMENTS.execute(c, changes.replacements)
        older = [each.id for each in changes.replacements if each.order_id not in changes.new]
        await c.execute(_COMPLETE_REPLACEMENTS, older)
    await _UPDATE_ORDERS.execute_all(c, changes.changed.values(), "orders")
    await _INSERT_FILLS.execute(c, changes.fills)


async def order(c: Connection, account: str, id: str) -> Row | None:
    """One order of the account."""
    return await c.fetchrow(f"SELECT {_ORDER} FROM orders WHERE id = $1 AND account_id = $2", id, account)


async def replaced_order_id(c: Connection, account: str, id: str) -> str | None:
    """The order that has this id since one of its replacements."""
    found: str | None = await c.fetchval(
        "SELECT order_id::text FROM order_replacements WHERE id = $1 AND account_id = $2", id, account
    )
    return found


async def replacements(c: Connection, account: str, ids: list[str]) -> list[Row]:
    """The replacements of these orders, oldest first."""
    return await c.fetch(
        f"SELECT {_REPLACEMENT} FROM order_replacements"
        " WHERE account_id = $1 AND order_id = ANY($2::uuid[]) ORDER BY sequence, id",
        account,
        ids,
    )


async def orders(
    c: Connection,
    account: str,
    *,
    is_open: bool | None,
    symbol: str | None,
    client_order_id: str | None,
    before: tuple[int, str] | None,
    limit: int,
    span: Span = (None, None),
) -> list[Row]:
    """Orders of the account created in `span`, newest first, from below `before` (created_sequence, id)."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    if is_open is not None:
        where.append("is_open" if is_open else "NOT is_open")
    filters.equal(where, values, "symbol", symbol)
    filters.equal(where, values, "client_order_id", client_order_id)
    filters.within(where, values, "created_at", span)
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
    before_id: str | None = None,
    after_id: str | None = None,
) -> list[Row]:
    """Orders of the account that were created in (after, until), and before and after orders with these ids,
    by that time; `roots_only`: no legs."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    if is_open is not None:
        where.append("is_open" if is_open else "NOT is_open")
    if symbols is not None:
        values.append(symbols)
        where.append(f"symbol = ANY(${len(values)})")
    filters.equal(where, values, "side", side)
    filters.between(where, values, "created_at", after, until)
    _beside(where, values, "", before_id, after_id)
    if roots_only:
        where.append("parent_id IS NULL")
    order = "ASC" if ascending else "DESC"
    return await c.fetch(
        f"SELECT {_ORDER} FROM orders WHERE {' AND '.join(where)}"
        f" ORDER BY created_sequence {order}, id {order} LIMIT {limit:d}",
        *values,
    )


def _beside(
    where: list[str], values: list[Any], prefix: str, before_id: str | None, after_id: str | None
) -> None:
    """Adds the conditions that orders were created before, or after, the order with an id."""
    for sign, id in (("<", before_id), (">", after_id)):
        if id is not None:
            values.append(id)
            where.append(
                f"({prefix}created_sequence, {prefix}id) {sign}"
                f" (SELECT created_sequence, id FROM orders WHERE id = ${len(values)}::uuid)"
            )


async def search_replaced(
    c: Connection,
    account: str,
    *,
    symbols: list[str] | None,
    side: str | None,
    after: datetime | None,
    until: datetime | None,
    ascending: bool,
    limit: int,
    before_id: str | None = None,
    after_id: str | None = None,
) -> list[Row]:
    """Replacements (`id`, `order_id`) of orders that were created in (after, until), by the replacement."""
    where = ["r.account_id = $1"]
    values: list[Any] = [account]
    if symbols is not None:
        values.append(symbols)
        where.append(f"o.symbol = ANY(${len(values)})")
    filters.equal(where, values, "o.side", side)
    filters.between(where, values, "o.created_at", after, until)
    _beside(where, values, "o.", before_id, after_id)
    order = "ASC" if ascending else "DESC"
    return await c.fetch(
        "SELECT r.id::text AS id, r.order_id::text AS order_id"
        f" FROM order_replacements r JOIN orders o ON o.id = r.order_id WHERE {' AND '.join(where)}"
        f" ORDER BY r.sequence {order}, r.id {order} LIMIT {limit:d}",
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
    span: Span = (None, None),
) -> list[Row]:
    """Fills of the account in `span`, newest first, from below `before` (sequence, entry)."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    filters.equal(where, values, "order_id", order_id)
    filters.equal(where, values, "symbol", symbol)
    filters.within(where, values, "executed_at", span)
    if before is not None:
        values += before
        where.append(f"(sequence, entry) < (${len(values) - 1}, ${len(values)})")
    return await c.fetch(
        f"SELECT {_FILL} FROM order_fills WHERE {' AND '.join(where)}"
        f" ORDER BY sequence DESC, entry DESC LIMIT {limit:d}",
        *values,
    )


async def fills_between(
    c: Connection,
    account: str,
    bound: tuple[int, int] | None,
    after: datetime | None,
    until: datetime | None,
    ascending: bool,
    limit: int,
) -> list[Row]:
    """Fills of the account in (after, until), beyond `bound` (sequence, entry); with `order_quantity`, and
    with `filled_before`, what the order had filled before."""
    where = ["f.account_id = $1"]
    values: list[Any] = [account]
    filters.between(where, values, "f.executed_at", after, until)
    filters.beyond(where, values, ("f.sequence", "f.entry"), bound, ascending)
    order = "ASC" if ascending else "DESC"
    columns = ", ".join(
        f"{column.kind.read.format(f'f.{column.name}')} AS {column.name}" for column in columns_of(Fill)
    )
    return await c.fetch(
        f"SELECT {columns}, f.notional, o.quantity AS order_quantity,"
        " (SELECT coalesce(sum(b.quantity), 0) FROM order_fills b WHERE b.order_id = f.order_id"
        "  AND (b.sequence, b.entry) < (f.sequence, f.entry)) AS filled_before"
        f" FROM order_fills f JOIN orders o ON o.id = f.order_id WHERE {' AND '.join(where)}"
        f" ORDER BY f.sequence {order}, f.entry {order} LIMIT {limit:d}",
        *values,
    )
