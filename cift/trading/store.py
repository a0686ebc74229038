"""SQL of orders and fills: what the projector writes (as the owner), what functions read (row-level security
holds: a read sees the rows of the caller's account and of nobody else).

Nanos that fit 64 bits travel as bigint arrays, money as text arrays; both become NUMERIC by one exact
multiplication. A batch is at most three statements, whatever its size.
"""

from typing import Any

import asyncpg

from cift.platform.postgres import Connection
from cift.trading.projection import OrderChanges

Row = asyncpg.Record
NANO = "0.000000001"

_INSERT_ORDERS = f"""
INSERT INTO orders (id, account_id, client_order_id, symbol, side, type, time_in_force, expire_at, quantity,
    filled_quantity, filled_notional, limit_price, stop_price, trail_amount, trail_ppm, display_quantity,
    post_only, reduce_only, self_trade_prevention, order_class, parent_id, legs, status, reason, created_at,
    updated_at, created_sequence, sequence)
SELECT id, account_id, client_order_id, symbol, side, type, time_in_force, journal_time(expire_at),
    quantity * {NANO}, filled * {NANO}, notional::numeric * {NANO}, limit_price * {NANO}, stop_price * {NANO},
    trail_amount * {NANO}, trail_ppm, display_quantity * {NANO}, post_only, reduce_only,
    self_trade_prevention, order_class, parent_id, array_remove(ARRAY[leg_1, leg_2], NULL), status, reason,
    journal_time(created_at), journal_time(updated_at), created_sequence, sequence
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[],
    $16::bigint[], $17::bool[], $18::bool[], $19::text[], $20::text[], $21::uuid[], $22::uuid[], $23::uuid[],
    $24::text[], $25::text[], $26::bigint[], $27::bigint[], $28::bigint[], $29::bigint[])
    AS u (id, account_id, client_order_id, symbol, side, type, time_in_force, expire_at, quantity, filled,
    notional, limit_price, stop_price, trail_amount, trail_ppm, display_quantity, post_only, reduce_only,
    self_trade_prevention, order_class, parent_id, leg_1, leg_2, status, reason, created_at, updated_at,
    created_sequence, sequence)
"""

_UPDATE_ORDERS = f"""
UPDATE orders o SET
    status = coalesce(u.status, o.status),
    reason = coalesce(u.reason, o.reason),
    quantity = coalesce(u.quantity * {NANO}, o.quantity),
    filled_quantity = coalesce(u.filled * {NANO}, o.filled_quantity),
    filled_notional = coalesce(u.notional::numeric * {NANO}, o.filled_notional),
    limit_price = coalesce(u.limit_price * {NANO}, o.limit_price),
    stop_price = coalesce(u.stop_price * {NANO}, o.stop_price),
    trail_amount = CASE WHEN u.trail_ppm IS NULL THEN coalesce(u.trail_amount * {NANO}, o.trail_amount) END,
    trail_ppm = CASE WHEN u.trail_amount IS NULL THEN coalesce(u.trail_ppm, o.trail_ppm) END,
    updated_at = journal_time(u.updated_at),
    sequence = u.sequence
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[])
    AS u (id, status, reason, quantity, filled, notional, limit_price, stop_price, trail_amount, trail_ppm,
    updated_at, sequence)
WHERE o.id = u.id
"""

_INSERT_FILLS = f"""
INSERT INTO order_fills (sequence, entry, order_id, account_id, trade_id, symbol, side, liquidity, price,
    quantity, fee, realized, position_after, executed_at)
SELECT sequence, entry, order_id, account_id, trade_id, symbol, side, liquidity, price * {NANO},
    quantity * {NANO}, fee::numeric * {NANO}, realized::numeric * {NANO}, position * {NANO}, journal_time(at)
FROM unnest($1::bigint[], $2::int[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::text[], $8::text[],
    $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::bigint[], $14::bigint[])
    AS u (sequence, entry, order_id, account_id, trade_id, symbol, side, liquidity, price, quantity, fee,
    realized, position, at)
"""


async def write_orders(c: Connection, changes: OrderChanges) -> None:
    """Writes the changes of one batch. Raises RuntimeError where an order that changed is not there:
    the read model and the journal disagree, and nothing of the batch may be committed."""
    new = changes.new.values()
    if new:
        await c.execute(
            _INSERT_ORDERS,
            [o.id for o in new],
            [o.account for o in new],
            [o.client_order_id for o in new],
            [o.symbol for o in new],
            [o.side for o in new],
            [o.kind for o in new],
            [o.time_in_force for o in new],
            [o.expire_at for o in new],
            [o.quantity for o in new],
            [o.filled for o in new],
            [str(o.filled_notional) for o in new],
            [o.limit_price for o in new],
            [o.stop_price for o in new],
            [o.trail_amount for o in new],
            [o.trail_ppm for o in new],
            [o.display_quantity for o in new],
            [o.post_only for o in new],
            [o.reduce_only for o in new],
            [o.self_trade_prevention for o in new],
            [o.order_class for o in new],
            [o.parent for o in new],
            [o.legs[0] if o.legs else None for o in new],
            [o.legs[1] if len(o.legs) > 1 else None for o in new],
            [o.status for o in new],
            [o.reason for o in new],
            [o.created_at for o in new],
            [o.updated_at for o in new],
            [o.created_sequence for o in new],
            [o.sequence for o in new],
        )
    changed = changes.changed.values()
    if changed:
        done = await c.execute(
            _UPDATE_ORDERS,
            [o.id for o in changed],
            [o.status for o in changed],
            [o.reason for o in changed],
            [o.quantity for o in changed],
            [o.filled for o in changed],
            [None if o.filled_notional is None else str(o.filled_notional) for o in changed],
            [o.limit_price for o in changed],
            [o.stop_price for o in changed],
            [o.trail_amount for o in changed],
            [o.trail_ppm for o in changed],
            [o.updated_at for o in changed],
            [o.sequence for o in changed],
        )
        if done != f"UPDATE {len(changed)}":
            raise RuntimeError(f"{len(changed)} orders changed, of which the read model has {done}")
    fills = changes.fills
    if fills:
        await c.execute(
            _INSERT_FILLS,
            [f.sequence for f in fills],
            [f.entry for f in fills],
            [f.order for f in fills],
            [f.account for f in fills],
            [f.trade for f in fills],
            [f.symbol for f in fills],
            [f.side for f in fills],
            [f.liquidity for f in fills],
            [f.price for f in fills],
            [f.quantity for f in fills],
            [str(f.fee) for f in fills],
            [str(f.realized) for f in fills],
            [f.position for f in fills],
            [f.at for f in fills],
        )


# ── reads ───────────────────────────────────────────────────────────────────────────────────────
_ORDER = """id::text, client_order_id, account_id::text, symbol, side, type, time_in_force, expire_at,
    quantity, filled_quantity, remaining_quantity, average_fill_price, limit_price, stop_price, trail_amount,
    trail_ppm, display_quantity, post_only, reduce_only, self_trade_prevention, order_class, parent_id::text,
    legs::text[] AS legs, status, reason, created_at, updated_at, created_sequence, sequence"""


async def order(c: Connection, account: str, id: str) -> Row | None:
    """One order of the account."""
    return await c.fetchrow(f"SELECT {_ORDER} FROM orders WHERE id = $1 AND account_id = $2", id, account)


async def order_of_client(c: Connection, account: str, client_order_id: str) -> Row | None:
    """The newest order that the account sent with this id."""
    return await c.fetchrow(
        f"SELECT {_ORDER} FROM orders WHERE account_id = $1 AND client_order_id = $2"
        " ORDER BY created_sequence DESC LIMIT 1",
        account,
        client_order_id,
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
) -> list[Row]:
    """Orders of the account, newest first, from below `before` (created_sequence, id)."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    _add(where, values, "is_open" if is_open else "NOT is_open", None, given=is_open is not None)
    _add(where, values, "symbol = {}", symbol)
    _add(where, values, "client_order_id = {}", client_order_id)
    if before is not None:
        values += before
        where.append(f"(created_sequence, id) < (${len(values) - 1}, ${len(values)}::uuid)")
    return await c.fetch(
        f"SELECT {_ORDER} FROM orders WHERE {' AND '.join(where)}"
        f" ORDER BY created_sequence DESC, id DESC LIMIT {limit:d}",
        *values,
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
    _add(where, values, "order_id = {}", order_id)
    _add(where, values, "symbol = {}", symbol)
    if before is not None:
        values += before
        where.append(f"(sequence, entry) < (${len(values) - 1}, ${len(values)})")
    return await c.fetch(
        "SELECT sequence, entry, order_id::text, trade_id, symbol, side, liquidity, price, quantity,"
        f" notional, fee, realized, position_after, executed_at FROM order_fills WHERE {' AND '.join(where)}"
        f" ORDER BY sequence DESC, entry DESC LIMIT {limit:d}",
        *values,
    )


def _add(
    where: list[str], values: list[Any], condition: str, value: Any, *, given: bool | None = None
) -> None:
    if given is None:
        given = value is not None
        if given:
            values.append(value)
    if given:
        where.append(condition.format(f"${len(values)}"))
