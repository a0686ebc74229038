"""Statements of an account: a day or a month (UTC), from the ledger and the tape."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import get_args

from cift.contracts.accounts import TransactionKind
from cift.contracts.performance import StatementPositionView, StatementView
from cift.kernel.clock import from_datetime, rfc3339, to_datetime
from cift.kernel.errors import NotFound, Refused
from cift.kernel.money import format_nanos, parse_nanos
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import history, history_store, performance_store, rules, store
from cift.portfolio.closed_trades import closed
from cift.portfolio.performance_views import trade_view

ROWS_MAX = 20_000
_PERIOD = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")
_KINDS = [kind for part in get_args(TransactionKind) for kind in (get_args(part) or (part,))]
_INCOME = ("dividend", "cash_in_lieu")
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A day or a month. `end` is not included."""

    name: str
    start: datetime
    end: datetime


def period_of(name: str) -> Period:
    """The period `2026-11` or `2026-11-30`. Raises Refused: `invalid_period`."""
    found = _PERIOD.fullmatch(name)
    try:
        if found is None:
            raise ValueError(name)
        year, month, day = int(found[1]), int(found[2]), int(found[3] or 1)
        start = datetime(year, month, day, tzinfo=UTC)
        if found[3]:
            return Period(name, start, start + timedelta(days=1))
        following = (start + timedelta(days=31)).replace(day=1)
        return Period(name, start, following)
    except (ValueError, OverflowError):
        raise Refused(
            "invalid_period", f"{name[:32]!r} is no month and no day; use 2026-11 or 2026-11-30", "period"
        ) from None


async def view(name: str, now: int, trader: Trader, database: Database) -> StatementView:
    """The statement of a period.

    Raises:
        Refused: `invalid_period`, `statement_too_large`, `too_many_fills`.
        NotFound: the account did not exist yet, or the period is in the future.
        ReadModelBehind, Unavailable.
    """
    period = period_of(name)
    until = min(period.end, to_datetime(now))
    account = trader.account_id
    await database.caught_up(account, "project_ledger", "project_market", "project_orders")
    async with database.read(account) as c:
        opened_at = await store.opened_at(c, account)
        if opened_at is None or opened_at >= period.end or period.start >= until:
            raise NotFound("statement_not_found", f"The account has no statement of {period.name}")
        curve = await history.curve(c, account, [(period.start, until)])
        opening_cash = await history_store.cash_before(c, account, period.start)
        rows = await store.transactions_between(
            c, account, _KINDS, None, period.start - _MICROSECOND, until, True, ROWS_MAX + 1
        )
        if len(rows) > ROWS_MAX:
            raise Refused(
                "statement_too_large",
                f"{period.name} has more than {ROWS_MAX} movements of cash. Choose a day, or use"
                " GET /api/v1/trading/transactions",
                "period",
            )
        positions = await history_store.positions_at(c, account, until)
        fills = await performance_store.fills(c, account, None)
    transactions = [rules.transaction_view(row) for row in rows]
    (point,) = curve.points

    def total(*kinds: str) -> int:
        return sum(
            parse_nanos(each.amount, "amount", signed=True) for each in transactions if each.kind in kinds
        )

    return StatementView.model_construct(
        account_id=account,
        period=period.name,
        start=rfc3339(from_datetime(period.start)),
        end=rfc3339(from_datetime(period.end)),
        complete=until == period.end,
        opening_equity=format_nanos(curve.before),
        closing_equity=format_nanos(point.equity),
        opening_cash=format_nanos(opening_cash),
        closing_cash=format_nanos(point.cash),
        transfers=format_nanos(point.flow),
        profit=format_nanos(point.equity - curve.before - point.flow),
        fees=format_nanos(-total("fee")),
        income=format_nanos(total(*_INCOME)),
        transactions=transactions,
        closed_trades=[
            trade_view(each) for each in closed(fills, "average") if period.start <= each.exit_at < until
        ],
        positions=[
            StatementPositionView.model_construct(
                symbol=each.symbol,
                quantity=format_nanos(each.quantity),
                cost=format_nanos(each.cost),
                price=None if each.price is None else format_nanos(each.price),
                value=format_nanos(each.value),
            )
            for each in positions
        ],
    )


_COLUMNS = ("created_at", "kind", "symbol", "amount", "cash", "order_id", "trade_id", "id")


def as_csv(statement: StatementView) -> bytes:
    """The movements of cash, a row each, with a heading."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for each in statement.transactions:
        writer.writerow("" if (value := getattr(each, name)) is None else value for name in _COLUMNS)
    return text.getvalue().encode()


_STYLE = """
@page { size: A4; margin: 18mm }
body { font: 10pt/1.4 system-ui, sans-serif; color: #111; max-width: 190mm; margin: 2rem auto }
h1 { font-size: 16pt } h2 { font-size: 12pt; margin-top: 1.6em; break-after: avoid }
table { border-collapse: collapse; width: 100% }
thead { display: table-header-group } tr { break-inside: avoid }
th, td { text-align: left; padding: 2px 6px; border-bottom: 1px solid #ccc }
.number { text-align: right; font-variant-numeric: tabular-nums }
"""


def _table(heading: list[tuple[str, bool]], rows: list[list[str | None]]) -> str:
    """A table; `heading`: names of columns, and whether they are numbers."""
    kinds = [' class="number"' if is_number else "" for _, is_number in heading]
    head = "".join(f"<th{kind}>{escape(name)}</th>" for (name, _), kind in zip(heading, kinds, strict=True))
    body = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(value or '')}</td>" for value, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def as_html(statement: StatementView) -> bytes:
    """One page for a browser, which prints it as PDF: no scripts, no other addresses."""
    state = "" if statement.complete else " (not over yet)"
    summary = _table(
        [("", False), ("USD", True)],
        [
            ["Equity at the start", statement.opening_equity],
            ["Deposits minus withdrawals", statement.transfers],
            ["Profit", statement.profit],
            ["of it fees", f"-{statement.fees}" if statement.fees != "0" else "0"],
            ["of it dividends", statement.income],
            ["Equity at the end", statement.closing_equity],
            ["Cash at the end", statement.closing_cash],
        ],
    )
    positions = _table(
        [("Symbol", False), ("Quantity", True), ("Cost", True), ("Price", True), ("Value", True)],
        [[each.symbol, each.quantity, each.cost, each.price, each.value] for each in statement.positions],
    )
    trades = _table(
        [
            *(("Closed", False), ("Symbol", False), ("Side", False), ("Quantity", True)),
            *(("Entry", True), ("Exit", True), ("Fees", True), ("Net profit", True)),
        ],
        [
            [
                *(each.exit_at[:19], each.symbol, each.side, each.quantity),
                *(each.entry_price, each.exit_price, each.fees, each.net_profit),
            ]
            for each in statement.closed_trades
        ],
    )
    movements = _table(
        [("Time (UTC)", False), ("Kind", False), ("Symbol", False), ("Amount", True), ("Cash", True)],
        [
            [each.created_at[:19], each.kind, each.symbol, each.amount, each.cash]
            for each in statement.transactions
        ],
    )
    title = f"Statement {statement.period}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style></head>
<body>
<h1>{escape(title)}{state}</h1>
<p>Account {escape(statement.account_id)}, {statement.start[:10]} until before {statement.end[:10]} (UTC)</p>
{summary}
<h2>Positions at the end</h2>{positions}
<h2>Closed trades</h2>{trades}
<h2>Movements of cash</h2>{movements}
</body></html>
""".encode()
