"""SQL of accounts, positions and cash: what the projector writes (as the owner), what functions read
(row-level security holds)."""

from typing import Any

import asyncpg

from cift.platform.postgres import Connection
from cift.portfolio.projection import LedgerChanges

Row = asyncpg.Record
NANO = "0.000000001"

_OPEN = """
INSERT INTO accounts (id, kind, role, state, currency, cash, opened_at, updated_at, sequence)
SELECT id, kind, role, 'active', currency, 0, journal_time(at), journal_time(at), sequence
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
    AS u (id, kind, role, currency, at, sequence)
"""
_CHANGE = f"""
UPDATE accounts a SET cash = coalesce(u.cash::numeric * {NANO}, a.cash), state = coalesce(u.state, a.state),
    updated_at = journal_time(u.at), sequence = u.sequence
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
    AS u (id, cash, state, at, sequence)
WHERE a.id = u.id
"""
_LIMITS = f"""
UPDATE accounts a SET max_order_quantity = u.max_order_quantity * {NANO},
    max_order_notional = u.max_order_notional::numeric * {NANO}, max_position = u.max_position * {NANO},
    max_open_orders = u.max_open_orders, max_orders_per_second = u.max_orders_per_second,
    max_daily_loss = u.max_daily_loss::numeric * {NANO}, leverage_percent = u.leverage_percent
FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::int[], $6::int[], $7::text[], $8::int[])
    AS u (id, max_order_quantity, max_order_notional, max_position, max_open_orders, max_orders_per_second,
    max_daily_loss, leverage_percent)
WHERE a.id = u.id
"""
_SYSTEM = f"""
INSERT INTO system_balances AS s (name, currency, cash)
SELECT $1, a.currency, sum(u.amount::numeric) * {NANO}
FROM unnest($2::uuid[], $3::text[]) AS u (account, amount) JOIN accounts a ON a.id = u.account
GROUP BY a.currency
ON CONFLICT (name, currency) DO UPDATE SET cash = s.cash + excluded.cash
"""
_POSITIONS = f"""
INSERT INTO positions AS p (account_id, symbol, quantity, cost, realized, opened_at, updated_at, sequence)
SELECT account_id, symbol, quantity * {NANO}, cost::numeric * {NANO}, realized::numeric * {NANO},
    journal_time(first_at), journal_time(at), sequence
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::bigint[]) AS u (account_id, symbol, quantity, cost, realized, first_at, at, sequence)
ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = excluded.quantity, cost = excluded.cost,
    realized = p.realized + excluded.realized, updated_at = excluded.updated_at, sequence = excluded.sequence
"""
_TRANSACTIONS = f"""
INSERT INTO transactions (sequence, entry, account_id, kind, amount, cash, symbol, order_id, trade_id,
    transfer_id, created_at)
SELECT sequence, entry, account_id, kind, amount::numeric * {NANO}, cash::numeric * {NANO}, symbol, order_id,
    trade_id, transfer_id, journal_time(at)
FROM unnest($1::bigint[], $2::int[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[],
    $9::bigint[], $10::uuid[], $11::bigint[])
    AS u (sequence, entry, account_id, kind, amount, cash, symbol, order_id, trade_id, transfer_id, at)
"""


async def write_ledger(c: Connection, changes: LedgerChanges) -> None:
    """Writes the changes of one batch. Raises RuntimeError where an account that changed is not there."""
    opened = changes.opened
    if opened:
        await c.execute(
            _OPEN,
            [a.id for a in opened],
            [a.kind for a in opened],
            [a.role for a in opened],
            [a.currency for a in opened],
            [a.at for a in opened],
            [a.sequence for a in opened],
        )
    accounts = changes.accounts.values()
    if accounts:
        done = await c.execute(
            _CHANGE,
            [a.id for a in accounts],
            [None if a.cash is None else str(a.cash) for a in accounts],
            [a.state for a in accounts],
            [a.at for a in accounts],
            [a.sequence for a in accounts],
        )
        if done != f"UPDATE {len(accounts)}":
            raise RuntimeError(f"{len(accounts)} accounts changed, of which the read model has {done}")
    await _write_limits(c, changes)
    for name, amounts in (("world", changes.world), ("fees", changes.fees)):
        if amounts:
            await c.execute(_SYSTEM, name, list(amounts), [str(amount) for amount in amounts.values()])
    for minute in changes.positions.values():
        positions = minute.values()
        await c.execute(
            _POSITIONS,
            [p.account for p in positions],
            [p.symbol for p in positions],
            [p.quantity for p in positions],
            [str(p.cost) for p in positions],
            [str(p.realized) for p in positions],
            [p.first_at for p in positions],
            [p.at for p in positions],
            [p.sequence for p in positions],
        )
    rows = changes.transactions
    if rows:
        await c.execute(
            _TRANSACTIONS,
            [t.sequence for t in rows],
            [t.entry for t in rows],
            [t.account for t in rows],
            [t.kind for t in rows],
            [str(t.amount) for t in rows],
            [str(t.cash) for t in rows],
            [t.symbol for t in rows],
            [t.order for t in rows],
            [t.trade for t in rows],
            [t.transfer for t in rows],
            [t.at for t in rows],
        )


async def _write_limits(c: Connection, changes: LedgerChanges) -> None:
    limited = [(a.id, a.limits) for a in changes.accounts.values() if a.limits is not None]
    if limited:

        def column(name: str) -> list[int | None]:
            return [limits[name] for _, limits in limited]

        def money(name: str) -> list[str | None]:
            return [None if value is None else str(value) for value in column(name)]

        await c.execute(
            _LIMITS,
            [id for id, _ in limited],
            column("max_order_quantity"),
            money("max_order_notional"),
            column("max_position"),
            column("max_open_orders"),
            column("max_orders_per_second"),
            money("max_daily_loss"),
            column("leverage_percent"),
        )


# ── reads ───────────────────────────────────────────────────────────────────────────────────────
_POSITION = (
    "symbol, quantity, cost, average_price, mark, market_value, unrealized, realized, opened_at, updated_at,"
    " sequence"
)
_TRANSACTION = (
    "id, sequence, entry, kind, amount, cash, symbol, order_id::text, trade_id, transfer_id::text, created_at"
)


async def positions(c: Connection, account: str) -> list[Row]:
    """Open positions of the account at their marks, by symbol (the engine admits at most 256)."""
    return await c.fetch(
        f"SELECT {_POSITION} FROM position_values WHERE account_id = $1 AND quantity <> 0"
        " ORDER BY symbol LIMIT 1000",
        account,
    )


async def position(c: Connection, account: str, symbol: str) -> Row | None:
    """One position, also one that is flat again."""
    return await c.fetchrow(
        f"SELECT {_POSITION} FROM position_values WHERE account_id = $1 AND symbol = $2", account, symbol
    )


async def totals(c: Connection, account: str) -> Row | None:
    """`realized` over all positions, flat ones included, and `fees` paid so far."""
    return await c.fetchrow(
        "SELECT (SELECT coalesce(sum(realized), 0) FROM positions WHERE account_id = $1) AS realized,"
        " (SELECT coalesce(-sum(amount), 0) FROM transactions"
        "  WHERE account_id = $1 AND kind = 'fee') AS fees",
        account,
    )


async def transactions(
    c: Connection,
    account: str,
    *,
    kind: str | None,
    transfer_id: str | None,
    before: tuple[int, int] | None,
    limit: int,
) -> list[Row]:
    """Movements of the account's cash, newest first, from below `before` (sequence, entry)."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    if kind is not None:
        values.append(kind)
        where.append(f"kind = ${len(values)}")
    if transfer_id is not None:
        values.append(transfer_id)
        where.append(f"transfer_id = ${len(values)}")
    if before is not None:
        values += before
        where.append(f"(sequence, entry) < (${len(values) - 1}, ${len(values)})")
    return await c.fetch(
        f"SELECT {_TRANSACTION} FROM transactions WHERE {' AND '.join(where)}"
        f" ORDER BY sequence DESC, entry DESC LIMIT {limit:d}",
        *values,
    )


async def transfer(c: Connection, account: str, sequence: int) -> Row | None:
    """The deposit, withdrawal or reset that this command made: the first at or after it, for a reset that
    cancels very many orders is finished by commands that follow."""
    return await c.fetchrow(
        f"SELECT {_TRANSACTION} FROM transactions WHERE account_id = $1 AND sequence >= $2"
        " AND kind IN ('deposit', 'withdrawal', 'reset') ORDER BY sequence, entry LIMIT 1",
        account,
        sequence,
    )


async def has_transfer(c: Connection, account: str, transfer_id: str) -> bool:
    """Whether the ledger has a movement of cash with this id."""
    return bool(
        await c.fetchval(
            "SELECT EXISTS (SELECT FROM transactions WHERE account_id = $1 AND transfer_id = $2)",
            account,
            transfer_id,
        )
    )
