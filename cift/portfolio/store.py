"""SQL of accounts, positions and cash: what the projector writes (as the owner), and what functions read.

Row-level security limits a read to the rows of the caller's account. The columns are those of
`cift.portfolio.rows`.
"""

from datetime import datetime
from typing import Any

import asyncpg

from cift.contracts.limits_gen import MAX_SYMBOLS_PER_ACCOUNT
from cift.contracts.times import Span
from cift.platform import filters
from cift.platform.columns import insert, selection, update, upsert
from cift.platform.postgres import Connection
from cift.portfolio.rows import Account, AccountLimits, AccountUpdate, LedgerChanges, Position, Transaction

Row = asyncpg.Record

_OPEN = insert("accounts", Account)
_CHANGE = update("accounts", AccountUpdate, "id", none_keeps=True)
_LIMITS = update("accounts", AccountLimits, "id", none_keeps=False)
_POSITIONS = upsert(
    "positions",
    Position,
    "account_id",
    "symbol",
    keeps=("opened_at",),
    realized="t.realized + excluded.realized",
)
_TRANSACTIONS = insert("transactions", Transaction)
_SYSTEM = """
INSERT INTO system_balances AS s (name, currency, cash)
SELECT $1, a.currency, sum(u.amount::numeric) * 0.000000001
FROM unnest($2::uuid[], $3::text[]) AS u (account, amount) JOIN accounts a ON a.id = u.account
GROUP BY a.currency
ON CONFLICT (name, currency) DO UPDATE SET cash = s.cash + excluded.cash
"""
_POSITION = (
    "symbol, quantity, cost, average_price, mark, market_value, unrealized, realized, opened_at, updated_at,"
    " sequence"
)
_TRANSACTION = selection(Transaction, "id")


async def write_ledger(c: Connection, changes: LedgerChanges) -> None:
    """Writes the changes of one batch.

    Raises:
        RuntimeError: an account that changed is not in the table. Nothing of the batch may be committed.
    """
    await _OPEN.execute(c, changes.opened)
    await _CHANGE.execute_all(c, changes.accounts.values(), "accounts")
    await _LIMITS.execute(c, changes.limits.values())
    for name, amounts in (("world", changes.world), ("fees", changes.fees)):
        if amounts:
            await c.execute(_SYSTEM, name, list(amounts), [str(amount) for amount in amounts.values()])
    for minute in changes.positions.values():
        await _POSITIONS.execute(c, minute.values())
    await _TRANSACTIONS.execute(c, changes.transactions)


async def positions(c: Connection, account: str) -> list[Row]:
    """Open positions of the account at their marks, by symbol."""
    return await c.fetch(
        f"SELECT {_POSITION} FROM position_values WHERE account_id = $1 AND quantity <> 0"
        " ORDER BY symbol LIMIT $2",
        account,
        MAX_SYMBOLS_PER_ACCOUNT,
    )


async def position(c: Connection, account: str, symbol: str) -> Row | None:
    """One position, also a flat one."""
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
    span: Span = (None, None),
) -> list[Row]:
    """Movements of the account's cash in `span`, newest first, from below `before` (sequence, entry)."""
    where = ["account_id = $1"]
    values: list[Any] = [account]
    filters.equal(where, values, "kind", kind)
    filters.equal(where, values, "transfer_id", transfer_id)
    filters.within(where, values, "created_at", span)
    if before is not None:
        values += before
        where.append(f"(sequence, entry) < (${len(values) - 1}, ${len(values)})")
    return await c.fetch(
        f"SELECT {_TRANSACTION} FROM transactions WHERE {' AND '.join(where)}"
        f" ORDER BY sequence DESC, entry DESC LIMIT {limit:d}",
        *values,
    )


async def transfer(c: Connection, account: str, sequence: int) -> Row | None:
    """The deposit, withdrawal or reset of this command: the first at or after it, because later commands
    finish a reset that cancels very many orders."""
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


async def opened_at(c: Connection, account: str) -> datetime | None:
    """When the account was opened; None if the read model does not have it yet."""
    found: datetime | None = await c.fetchval("SELECT opened_at FROM accounts WHERE id = $1", account)
    return found


async def transactions_between(
    c: Connection,
    account: str,
    kinds: list[str],
    bound: tuple[int, int] | None,
    after: datetime | None,
    until: datetime | None,
    ascending: bool,
    limit: int,
) -> list[Row]:
    """Movements of cash of these kinds in (after, until), beyond `bound` (sequence, entry)."""
    where = ["account_id = $1", "kind = ANY($2)"]
    values: list[Any] = [account, kinds]
    filters.between(where, values, "created_at", after, until)
    filters.beyond(where, values, ("sequence", "entry"), bound, ascending)
    order = "ASC" if ascending else "DESC"
    return await c.fetch(
        f"SELECT {_TRANSACTION} FROM transactions WHERE {' AND '.join(where)}"
        f" ORDER BY sequence {order}, entry {order} LIMIT {limit:d}",
        *values,
    )
