"""Closed trades and performance as responses of our own API."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import get_args

from cift.contracts.paging import Page, PageRequest, invalid_cursor, make_cursor
from cift.contracts.performance import (
    ActivityView,
    ClosedTradeView,
    DayPerformanceView,
    MethodOfMatching,
    PerformanceView,
    SymbolPerformanceView,
)
from cift.kernel.clock import from_datetime, rfc3339, to_datetime
from cift.kernel.errors import Refused
from cift.kernel.money import format_nanos
from cift.platform.identity import Trader
from cift.platform.postgres import Connection, Database
from cift.portfolio import history, performance, performance_store, store
from cift.portfolio.closed_trades import ClosedTrade, Fill, Method, closed
from cift.portfolio.equity_curve import moment_of
from cift.portfolio.performance import Activity

assert get_args(MethodOfMatching) == get_args(Method)
DAY = timedelta(days=1)
_EPOCH = to_datetime(0)
_PLACES = Decimal("0.0001")


def ratio(value: Decimal | None) -> str | None:
    """A ratio to four decimals."""
    return None if value is None else format(value.quantize(_PLACES), "f")


def percent(value: Decimal | None) -> str | None:
    """A fraction in percent, to four decimals."""
    return None if value is None else ratio(value * 100)


def trade_view(trade: ClosedTrade) -> ClosedTradeView:
    """The view of a closed trade."""
    cost = trade.entry_price * trade.quantity
    return ClosedTradeView.model_construct(
        id=_key(trade),
        symbol=trade.symbol,
        side=trade.side,
        quantity=format_nanos(trade.quantity),
        entry_price=format_nanos(trade.entry_price),
        exit_price=format_nanos(trade.exit_price),
        entry_at=rfc3339(from_datetime(trade.entry_at)),
        exit_at=rfc3339(from_datetime(trade.exit_at)),
        seconds_held=format((trade.exit_at - trade.entry_at).total_seconds(), ".3f"),
        profit=format_nanos(trade.profit),
        fees=format_nanos(trade.fees),
        net_profit=format_nanos(trade.profit - trade.fees),
        return_percent=percent(Decimal(trade.profit - trade.fees) * 10**9 / cost) if cost else None,
        exit_order_id=trade.exit_order_id,
    )


def _key(trade: ClosedTrade) -> str:
    return f"{trade.sequence}:{trade.entry}:{trade.part}"


async def closed_trades(
    method: Method, symbol: str | None, page: PageRequest, trader: Trader, database: Database
) -> Page[ClosedTradeView]:
    """A page of the account's closed trades, newest first.

    Raises Refused: `too_many_fills`, `invalid_cursor`.
    """
    await database.caught_up(trader.account_id, "project_orders")
    async with database.read(trader.account_id) as c:
        fills = await performance_store.fills(c, trader.account_id, symbol)
    trades = list(closed(fills, method))[::-1]
    after = page.after()
    if after is not None:
        before = _numbers(after)
        trades = [each for each in trades if (each.sequence, each.entry, each.part) < before]
    cursor = make_cursor(_key(trades[page.limit - 1])) if len(trades) > page.limit else None
    items = [trade_view(each) for each in trades[: page.limit]]
    return Page[ClosedTradeView].model_construct(items=items, next_cursor=cursor)


def _numbers(key: str) -> tuple[int, ...]:
    parts = key.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 20 for part in parts):
        raise invalid_cursor()
    return tuple(int(part) for part in parts)


def _activity_view(found: Activity) -> ActivityView:
    return ActivityView.model_construct(
        fills=found.fills,
        volume=format_nanos(found.volume),
        fees=format_nanos(found.fees),
        realized=format_nanos(found.realized),
        closed_trades=found.closed,
        won=found.won,
        lost=found.lost,
        win_rate_percent=percent(found.win_rate),
        profit_factor=ratio(found.profit_factor),
        average_seconds_held=ratio(found.mean_seconds_held),
    )


async def days_of(
    c: Connection, account: str, start: datetime | None, until: datetime
) -> tuple[datetime, history.Curve]:
    """The first moment of a range, and the account at the end of each of its days (UTC).

    Raises Refused: `invalid_range`, `range_too_large`.
    """
    opened_at = await store.opened_at(c, account) or until
    since = max(start or opened_at, opened_at)
    if since > until:
        raise Refused("invalid_range", "start must be before end", "start")
    first = since - (since - _EPOCH) % DAY
    return first, await history.curve(c, account, history.intervals(history.evenly(first, until, DAY), until))


async def view(
    start: str | None,
    end: str | None,
    method: Method,
    days_per_year: int,
    risk_free_percent: Decimal,
    now: int,
    trader: Trader,
    database: Database,
) -> PerformanceView:
    """The performance of the account in a range of whole days.

    Raises:
        Refused: `invalid_time`, `invalid_range`, `range_too_large`, `too_many_fills`.
        ReadModelBehind, Unavailable.
    """
    until = min(moment_of(end, "end") or to_datetime(now), to_datetime(now))
    await database.caught_up(trader.account_id, "project_ledger", "project_market", "project_orders")
    async with database.read(trader.account_id) as c:
        first, curve = await days_of(c, trader.account_id, moment_of(start, "start"), until)
        all_fills = await performance_store.fills(c, trader.account_id, None)
    fills = [each for each in all_fills if first <= each.at < until]
    trades = [each for each in closed(all_fills, method) if first <= each.exit_at < until]
    found = performance.ratios(curve, days_per_year, risk_free_percent / 100)
    profits = history.performance(curve)
    whole = performance.activity(fills, trades)
    return PerformanceView.model_construct(
        start=rfc3339(from_datetime(first)),
        end=rfc3339(from_datetime(until)),
        method=method,
        days_per_year=days_per_year,
        base=format_nanos(profits.base),
        profit=format_nanos(profits.profits[-1] if profits.profits else 0),
        return_percent=percent(found.total),
        volatility_percent=percent(found.volatility),
        sharpe=ratio(found.sharpe),
        sortino=ratio(found.sortino),
        max_drawdown=format_nanos(min(profits.drawdowns, default=0)),
        max_drawdown_percent=percent(found.max_drawdown),
        exposure_percent=percent(found.exposure),
        turnover=ratio(performance.turnover(curve, whole.volume)),
        trades=_activity_view(whole),
        symbols=_symbols(fills, trades),
        days=_days(curve, found.returns, fills, trades),
    )


def _symbols(fills: list[Fill], trades: list[ClosedTrade]) -> list[SymbolPerformanceView]:
    by_symbol: dict[str, Activity] = defaultdict(Activity)
    for fill in fills:
        by_symbol[fill.symbol].add_fill(fill)
    for trade in trades:
        by_symbol[trade.symbol].add_closed(trade)
    return [
        SymbolPerformanceView.model_construct(symbol=symbol, **dict(_activity_view(by_symbol[symbol])))
        for symbol in sorted(by_symbol)
    ]


def _days(
    curve: history.Curve,
    returns: list[Decimal | None],
    fills: list[Fill],
    trades: list[ClosedTrade],
) -> list[DayPerformanceView]:
    by_day: dict[date, Activity] = defaultdict(Activity)
    for fill in fills:
        by_day[fill.at.date()].add_fill(fill)
    for trade in trades:
        by_day[trade.exit_at.date()].add_closed(trade)
    profits = history.performance(curve).profits
    before = 0
    found = []
    for point, day_return, profit in zip(curve.points, returns, profits, strict=True):
        found.append(
            DayPerformanceView.model_construct(
                date=point.start.date().isoformat(),
                equity=format_nanos(point.equity),
                cash=format_nanos(point.cash),
                transfers=format_nanos(point.flow),
                profit=format_nanos(profit - before),
                return_percent=percent(day_return),
                **dict(_activity_view(by_day[point.start.date()])),
            )
        )
        before = profit
    return found
