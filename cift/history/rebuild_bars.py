"""Bars of ClickHouse, computed again from the ticks: one row per bar, with the ticks as they are now.

The view adds what a message inserts; it cannot take back what a later message corrects. So after a load that
changed ticks, the bars of its days are deleted and computed again. Between the two statements these bars are
absent. A repetition gives the same bars.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cift.contracts.conditions import NOT_LAST_SALE
from cift.history.archive import Rebuild
from cift.platform.clickhouse import ClickHouse

DAYS_PER_STATEMENT = 7
_DELETE = """
DELETE FROM bars_analytics WHERE ({places})
"""
_BARS_OF = (
    "(symbol = {{symbol_{n}:String}} AND source = {{source_{n}:String}}"
    " AND start >= toDateTime({{since_{n}:UInt32}}, 'UTC')"
    " AND start < toDateTime({{until_{n}:UInt32}}, 'UTC'))"
)
_TICKS_OF = (
    "(symbol = {{symbol_{n}:String}} AND source = {{source_{n}:String}}"
    " AND at >= toDateTime64({{since_{n}:UInt32}}, 9, 'UTC')"
    " AND at < toDateTime64({{until_{n}:UInt32}}, 9, 'UTC'))"
)
# As the view in database/clickhouse/migrations/0001_market.sql, from the table instead of an inserted block.
_INSERT = """
INSERT INTO bars_analytics
SELECT symbol, source, interval_s, toDateTime(intDiv(second, interval_s) * interval_s, 'UTC') AS start,
    0 AS origin, argMin(s_open, s_first), max(s_high), min(s_low), argMax(s_close, s_last),
    min(s_first), max(s_last), sum(s_volume), sum(s_notional), sum(s_trades)
FROM
(
    WITH bitShiftLeft(toUInt128(toUnixTimestamp64Nano(at)), 64) + sequence AS place
    SELECT symbol, source, toUnixTimestamp64Second(at) AS second,
        argMin(price, place) AS s_open, max(price) AS s_high, min(price) AS s_low,
        argMax(price, place) AS s_close, min(place) AS s_first, max(place) AS s_last,
        sum(toDecimal128(quantity, 9)) AS s_volume, sum(toDecimal128(price, 9) * quantity) AS s_notional,
        count() AS s_trades
    FROM ticks_analytics FINAL
    WHERE ({places}) AND bitAnd(conditions, {excluded}) = 0 AND quantity > 0 AND price > 0
    GROUP BY symbol, source, second
)
ARRAY JOIN [1, 60, 3600, 86400] AS interval_s
GROUP BY symbol, source, interval_s, start
"""
Place = tuple[str, str, int, int]
"""Symbol, feed, and [since, until) in seconds since the Unix epoch."""


async def rebuild(wanted: Sequence[Rebuild], clickhouse: ClickHouse) -> None:
    """Compute the bars of these days again. Raises Unavailable; then call again."""
    for places in _statements(wanted):
        parameters: dict[str, Any] = {}
        for number, place in enumerate(places):
            names = (f"{name}_{number}" for name in ("symbol", "source", "since", "until"))
            parameters |= dict(zip(names, place, strict=True))
        bars, ticks = (
            " OR ".join(each.format(n=number) for number in range(len(places)))
            for each in (_BARS_OF, _TICKS_OF)
        )
        await clickhouse.command(_DELETE.format(places=bars), parameters)
        await clickhouse.command(_INSERT.format(places=ticks, excluded=NOT_LAST_SALE), parameters)


def _statements(wanted: Sequence[Rebuild]) -> Iterator[list[Place]]:
    """The places of each statement: the first days of all requests, their next days, and so on."""
    pieces = [_pieces(each) for each in wanted]
    while True:
        places = [place for place in (next(each, None) for each in pieces) if place is not None]
        if not places:
            return
        yield places


def _pieces(wanted: Rebuild) -> Iterator[Place]:
    day = wanted.first_day
    while day <= wanted.last_day:
        after = min(day + timedelta(days=DAYS_PER_STATEMENT), wanted.last_day + timedelta(days=1))
        yield wanted.symbol, wanted.feed, _seconds(day), _seconds(after)
        day = after


def _seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
