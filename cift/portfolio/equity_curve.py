"""The equity curve of an account as a response of our own API."""

from datetime import datetime, timedelta

from cift.contracts.accounts import HistoryPointView, HistoryView
from cift.kernel.clock import from_datetime, parse_rfc3339, rfc3339, to_datetime
from cift.kernel.errors import Refused
from cift.kernel.money import format_nanos
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import history, store
from cift.portfolio.rules import percent

_STEPS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "1d": 86_400}
_EPOCH = to_datetime(0)


async def view(
    interval: str, start: str | None, end: str | None, now: int, trader: Trader, database: Database
) -> HistoryView:
    """The curve; intervals count from the Unix epoch.

    Raises:
        Refused: `invalid_time`, `invalid_range`, `range_too_large`. ReadModelBehind, Unavailable.
    """
    step = timedelta(seconds=_STEPS[interval])
    until = min(moment_of(end, "end") or to_datetime(now), to_datetime(now))
    await database.caught_up(trader.account_id, "project_ledger", "project_market")
    async with database.read(trader.account_id) as c:
        opened_at = await store.opened_at(c, trader.account_id) or until
        since = max(moment_of(start, "start") or opened_at, opened_at)
        if since > until:
            raise Refused("invalid_range", "start must be before end", "start")
        first = since - (since - _EPOCH) % step
        spans = history.intervals(history.evenly(first, until, step), until)
        curve = await history.curve(c, trader.account_id, spans)
    found = history.performance(curve)
    return HistoryView.model_construct(
        interval=interval,
        base=format_nanos(found.base),
        return_percent=percent(found.profits[-1], found.base) if found.profits else None,
        max_drawdown=format_nanos(min(found.drawdowns, default=0)),
        items=[
            HistoryPointView.model_construct(
                start=rfc3339(from_datetime(point.start)),
                equity=format_nanos(point.equity),
                cash=format_nanos(point.cash),
                transfers=format_nanos(point.flow),
                profit=format_nanos(profit),
                drawdown=format_nanos(drawdown),
            )
            for point, profit, drawdown in zip(curve.points, found.profits, found.drawdowns, strict=True)
        ],
    )


def moment_of(text: str | None, field: str) -> datetime | None:
    """The moment that a parameter names. Raises Refused: `invalid_time`."""
    if text is None:
        return None
    nanoseconds = parse_rfc3339(text)
    if nanoseconds is None:
        raise Refused("invalid_time", f"{field} must be an RFC 3339 time such as 2026-11-21T15:30:00Z", field)
    return to_datetime(nanoseconds)
