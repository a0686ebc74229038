"""Bars over weekends and gaps, of sessions with breaks, and of an exchange's own days."""

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import polars as pl

from cift.contracts.market import BarView
from cift.contracts.paging import PageRequest
from cift.history import archive, batches, requests
from cift.history.clickhouse_store import ClickHouseStore
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Message
from tests.history.test_bars_of_recorded_day import archived

FEED = "sessions"


async def trades(clickhouse: ClickHouse, symbol: str, zone: str, *times: str) -> None:
    """Archive one trade of 10 at each local time."""
    at = [
        int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 10**9 for text in times
    ]
    frame = pl.DataFrame({"at": at}).with_columns(
        sequence=pl.col("at").cast(pl.UInt64),
        price=pl.lit(10 * 10**9),
        quantity=pl.lit(10**9),
        side=pl.lit(0, pl.Int8),
        conditions=pl.lit(0, pl.UInt32),
    )
    found = batches.to_messages(frame.sort("at"), FEED, symbol, "trade")
    await archived(clickhouse, [Message(n, "ticks", each.batch, {}, 0) for n, each in enumerate(found, 1)])


async def bars(
    clickhouse: ClickHouse,
    symbol: str,
    interval: str,
    calendar: str | None = None,
    limit: int = 500,
    *,
    start_ns: int | None = None,
    adjusted: bool = False,
    zone: str = "UTC",
    is_extended: bool = False,
) -> list[BarView]:
    page = await requests.page_of_bars(
        symbol,
        interval,
        start_ns,
        None,
        source="outside",
        feed=FEED,
        calendar=calendar,
        adjusted=adjusted,
        page=PageRequest(limit=limit),
        store=ClickHouseStore(clickhouse),
        zone=zone,
        is_extended=is_extended,
    )
    return page.items


async def test_the_last_bars_are_the_last_that_exist(clickhouse: ClickHouse) -> None:
    """Friday, Monday, and a day a year before."""
    times = ("2023-03-08T10:00:00", "2024-03-08T15:58:00", "2024-03-08T15:59:00", "2024-03-11T09:30:00")
    await trades(clickhouse, "GAPS", "America/New_York", *times)
    found = await bars(clickhouse, "GAPS", "1m", limit=3)
    assert [bar.start[:16] for bar in found] == ["2024-03-08T20:58", "2024-03-08T20:59", "2024-03-11T13:30"]
    assert len(await bars(clickhouse, "GAPS", "1m", limit=4)) == 4
    assert [bar.start[:10] for bar in await bars(clickhouse, "GAPS", "1d", limit=2)] == [
        "2024-03-08",
        "2024-03-11",
    ]


async def test_regular_hours_need_no_start(clickhouse: ClickHouse) -> None:
    times = ("2024-03-08T08:00:00", "2024-03-08T10:00:00", "2024-03-08T19:30:00")
    await trades(clickhouse, "EXT", "America/New_York", *times)
    assert len(await bars(clickhouse, "EXT", "1m")) == 3
    assert [bar.start[11:16] for bar in await bars(clickhouse, "EXT", "1m", "XNYS")] == ["15:00"]


async def test_the_lunch_break_is_not_in_the_session(clickhouse: ClickHouse) -> None:
    times = ("2024-03-08T11:00:00", "2024-03-08T12:15:00", "2024-03-08T14:00:00")
    await trades(clickhouse, "LUNCH", "Asia/Tokyo", *times)
    found = await bars(clickhouse, "LUNCH", "1m", "XTKS")
    assert [bar.trades for bar in found] == [1, 1], "the trade in the break is left out"


async def test_a_session_across_midnight_utc_is_one_session(clickhouse: ClickHouse) -> None:
    """Sydney opens at 23:00 UTC in its summer."""
    await trades(clickhouse, "SYD", "Australia/Sydney", "2024-01-09T10:30:00", "2024-01-09T15:00:00")
    assert len(await bars(clickhouse, "SYD", "1m", "XASX")) == 2


async def test_adjusted_bars_use_the_exchanges_day(clickhouse: ClickHouse) -> None:
    """19:30 in New York on the eve of a split of 2 for 1 is the next day in UTC."""
    await trades(clickhouse, "SPLT", "America/New_York", "2024-03-08T19:30:00", "2024-03-11T09:30:00")
    half = [(date(2024, 3, 8), Decimal(1), Decimal("0.5")), (date(2050, 1, 1), Decimal(1), Decimal(1))]
    await clickhouse.insert("price_factors", archive.factor_block("SPLT", half))
    found = await bars(clickhouse, "SPLT", "1m", adjusted=True, zone="America/New_York")
    assert [bar.close for bar in found] == ["5", "10"]


async def test_bars_of_days_are_days_of_the_exchange(clickhouse: ClickHouse) -> None:
    """19:30 in New York belongs to the day that ends at midnight there, also when clocks change."""
    zone = "America/New_York"
    days = ("2024-03-08T09:30:00", "2024-03-08T19:30:00", "2024-03-10T19:30:00", "2024-03-11T09:30:00")
    await trades(clickhouse, "DAYS", zone, *days)
    found = await bars(clickhouse, "DAYS", "1d", zone=zone)
    assert [(bar.start[:13], bar.trades) for bar in found] == [
        ("2024-03-08T05", 2),
        ("2024-03-10T05", 1),
        ("2024-03-11T04", 1),
    ]
    start_ns = int(datetime(2024, 3, 8, tzinfo=ZoneInfo(zone)).timestamp()) * 10**9
    assert await bars(clickhouse, "DAYS", "1d", zone=zone, start_ns=start_ns) == found
    assert await bars(clickhouse, "DAYS", "1d", zone=zone, limit=2) == found[1:]
    weeks = await bars(clickhouse, "DAYS", "7d", zone=zone)
    assert sum(bar.trades for bar in weeks) == 4 and {bar.start[11:13] for bar in weeks} <= {"04", "05"}


async def test_days_of_a_half_session_and_of_extended_hours(clickhouse: ClickHouse) -> None:
    """On 29 November 2024 New York closed at 13:00."""
    zone = "America/New_York"
    hours = ("03:59", "04:00", "09:30", "12:59", "13:00", "16:59", "17:00")
    await trades(clickhouse, "HALF", zone, *(f"2024-11-29T{hour}:00" for hour in hours))
    for calendar, is_extended, count in ((None, False, 7), ("XNYS", False, 2), ("XNYS", True, 5)):
        (bar,) = await bars(clickhouse, "HALF", "1d", calendar, zone=zone, is_extended=is_extended)
        assert (bar.start[:13], bar.trades) == ("2024-11-29T05", count)


async def test_bars_name_their_sources(clickhouse: ClickHouse) -> None:
    await trades(clickhouse, "WHOSE", "UTC", "2024-03-08T10:00:00")
    (bar,) = await bars(clickhouse, "WHOSE", "1m")
    assert bar.sources == [FEED]
