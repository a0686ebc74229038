"""SQL of an account's fills in the journal's order, for its closed trades and its performance."""

from cift.kernel.errors import Refused
from cift.platform.postgres import Connection
from cift.portfolio.closed_trades import Fill

FILLS_MAX = 50_000
"""Closed trades follow from all fills since the account was opened; this many take about a second."""
_FILLS = """
SELECT sequence, entry, order_id, symbol, side, executed_at,
    (price * 1e9)::bigint AS price, (quantity * 1e9)::bigint AS quantity,
    (fee * 1e9)::numeric(38, 0) AS fee, (realized * 1e9)::numeric(38, 0) AS realized,
    (position_after * 1e9)::bigint AS position_after
FROM order_fills WHERE account_id = $1 AND ($2::text IS NULL OR symbol = $2)
ORDER BY sequence, entry LIMIT $3
"""


async def fills(c: Connection, account: str, symbol: str | None) -> list[Fill]:
    """All fills of the account, or those in a symbol, oldest first. Raises Refused: `too_many_fills`."""
    rows = await c.fetch(_FILLS, account, symbol, FILLS_MAX + 1)
    if len(rows) > FILLS_MAX:
        raise Refused(
            "too_many_fills",
            f"This is computed from at most {FILLS_MAX} fills, and there are more. Name a symbol, or use"
            " GET /api/v1/trading/fills",
            "symbol",
        )
    return [
        Fill(
            sequence=row["sequence"],
            entry=row["entry"],
            order_id=str(row["order_id"]),
            symbol=row["symbol"],
            side=row["side"],
            price=row["price"],
            quantity=row["quantity"],
            fee=int(row["fee"]),
            realized=int(row["realized"]),
            position_after=row["position_after"],
            at=row["executed_at"],
        )
        for row in rows
    ]
