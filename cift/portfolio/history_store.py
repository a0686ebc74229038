"""SQL of an account's past: cash, positions and marks at given moments. Amounts are returned in nanos."""

from dataclasses import dataclass
from datetime import datetime

from cift.platform.postgres import Connection

_CASH_BY_SPAN = """
WITH moved AS (
    SELECT width_bucket(created_at, $3::timestamptz[]) AS span, sequence, entry, cash, amount, kind
    FROM transactions WHERE account_id = $1 AND created_at >= $2 AND created_at < $4
)
SELECT span, (array_agg(cash ORDER BY sequence DESC, entry DESC))[1] AS cash,
    coalesce(sum(amount) FILTER (WHERE kind IN ('deposit', 'withdrawal', 'reset')), 0) AS flow
FROM moved GROUP BY span
"""
_WORTH_AT = """
SELECT p.number, sum(coalesce(h.quantity * m.price, h.cost)) AS worth,
    sum(abs(coalesce(h.quantity * m.price, h.cost))) AS gross
FROM unnest($2::timestamptz[]) WITH ORDINALITY AS p (at, number)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (symbol) symbol, quantity, cost FROM position_history
    WHERE account_id = $1 AND minute < p.at ORDER BY symbol, minute DESC
) h
LEFT JOIN LATERAL (
    SELECT price FROM (
        (SELECT executed_at, price FROM trades WHERE symbol = h.symbol AND source = 'exchange'
            AND executed_at < p.at ORDER BY executed_at DESC LIMIT 1)
        UNION ALL
        (SELECT executed_at, price FROM trades WHERE symbol = h.symbol AND source = 'outside'
            AND executed_at < p.at ORDER BY executed_at DESC LIMIT 1)
    ) last ORDER BY executed_at DESC LIMIT 1
) m ON true
WHERE h.quantity <> 0
GROUP BY p.number
"""
_CLOSES = """
SELECT s.symbol, m.price FROM unnest($1::text[]) AS s (symbol)
CROSS JOIN LATERAL (
    SELECT price FROM (
        (SELECT executed_at, price FROM trades WHERE symbol = s.symbol AND source = 'exchange'
            AND executed_at < $2 ORDER BY executed_at DESC LIMIT 1)
        UNION ALL
        (SELECT executed_at, price FROM trades WHERE symbol = s.symbol AND source = 'outside'
            AND executed_at < $2 ORDER BY executed_at DESC LIMIT 1)
    ) last ORDER BY executed_at DESC LIMIT 1
) m
"""


async def cash_before(c: Connection, account: str, moment: datetime) -> int:
    """The cash of the account just before `moment`."""
    cash = await c.fetchval(
        "SELECT cash FROM transactions WHERE account_id = $1 AND created_at < $2"
        " ORDER BY sequence DESC, entry DESC LIMIT 1",
        account,
        moment,
    )
    return int((cash or 0) * 10**9)


async def cash_by_span(
    c: Connection, account: str, start: datetime, ends: list[datetime]
) -> dict[int, tuple[int, int]]:
    """By number of the span: the cash after its last movement, and the sum of its transfers. Spans without a
    movement are left out; the first span begins at `start`."""
    rows = await c.fetch(_CASH_BY_SPAN, account, start, ends, ends[-1])
    return {row["span"]: (int(row["cash"] * 10**9), int(row["flow"] * 10**9)) for row in rows}


async def worth_at(c: Connection, account: str, moments: list[datetime]) -> dict[int, tuple[int, int]]:
    """By number of the moment: the value of all open positions, and the sum of their absolute values. Moments
    without a position are left out."""
    rows = await c.fetch(_WORTH_AT, account, moments)
    return {row["number"] - 1: (int(row["worth"] * 10**9), int(row["gross"] * 10**9)) for row in rows}


@dataclass(frozen=True, slots=True)
class HeldAt:
    """A position at a moment, in nanos. Without a price before it, `value` is the cost."""

    symbol: str
    quantity: int
    cost: int
    price: int | None
    value: int


async def positions_at(c: Connection, account: str, moment: datetime) -> list[HeldAt]:
    """The open positions just before `moment`, by symbol."""
    rows = await c.fetch(
        "SELECT DISTINCT ON (symbol) symbol, quantity, cost FROM position_history"
        " WHERE account_id = $1 AND minute < $2 ORDER BY symbol, minute DESC",
        account,
        moment,
    )
    held = [row for row in rows if row["quantity"]]
    prices = await closes_before(c, [row["symbol"] for row in held], moment)
    found = []
    for row in held:
        quantity, cost = int(row["quantity"] * 10**9), int(row["cost"] * 10**9)
        price = prices.get(row["symbol"])
        value = cost if price is None else quantity * price // 10**9
        found.append(HeldAt(row["symbol"], quantity, cost, price, value))
    return found


async def closes_before(c: Connection, symbols: list[str], moment: datetime) -> dict[str, int]:
    """The last price of each symbol before `moment`, in nanos, where there is one."""
    rows = await c.fetch(_CLOSES, symbols, moment)
    return {row["symbol"]: int(row["price"] * 10**9) for row in rows}
