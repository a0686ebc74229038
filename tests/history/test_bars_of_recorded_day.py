"""A whole recorded day: the store's bars equal those that polars computes from the raw file, bar for bar."""

import zipfile
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from cift.contracts.conditions import NOT_LAST_SALE
from cift.contracts.paging import PageRequest
from cift.history import archive, batches, requests
from cift.history.clickhouse_store import ClickHouseStore
from cift.history.tick_store import TickStore
from cift.kernel.clock import parse_rfc3339
from cift.platform.calendars import DEFAULT
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import Message
from tests.recorded import lean_ticks

FEED = "lean"
BEGIN, END = "2013-10-07T00:00:00Z", "2013-10-08T12:00:00Z"
MESSAGE_TICKS = 400
"""Small, so that the thinned day has several messages."""
INTERVALS = {"1s": 1, "1m": 60, "7m": 420, "15m": 900, "1h": 3_600, "1d": 86_400}
Row = tuple[str, Decimal, Decimal, Decimal, Decimal, Decimal, Decimal, int]


def messages(folder: Path, symbol: str, kind: batches.Kind) -> list[Message]:
    frame = lean_ticks(symbol, kind, folder)
    parts = [frame[start : start + MESSAGE_TICKS] for start in range(0, frame.height, MESSAGE_TICKS)]
    found = [each for part in parts for each in batches.to_messages(part, FEED, symbol, kind)]
    return [Message(number, "ticks", each.batch, {}, 0) for number, each in enumerate(found, 1)]


async def archived(clickhouse: ClickHouse, messages: list[Message]) -> None:
    for kind, _, block in archive.blocks(archive.decode(messages)):
        await clickhouse.insert(archive.TABLES[kind], block)


def computed(folder: Path, symbol: str, seconds: int, *, regular: bool = False) -> list[Row]:
    """The expected bars, computed from the file without the project's code."""
    with zipfile.ZipFile(folder / f"equity/usa/tick/{symbol.lower()}/20131007_trade.zip") as archive_:
        raw = archive_.read(archive_.namelist()[0])
    names = ["ms", "price", "size", "venue", "condition", "suspicious"]
    frame = pl.read_csv(raw, has_header=False, new_columns=names, schema_overrides={"condition": pl.String})
    bits = pl.col("condition").map_elements(lambda text: int(text or "0", 16), return_dtype=pl.Int64)
    frame = frame.filter(pl.col("suspicious") == 0).with_columns(bits=bits.fill_null(0))
    frame = frame.filter(pl.col("bits") & NOT_LAST_SALE == 0)
    if regular:
        frame = frame.filter(pl.col("ms").is_between(34_200_000, 57_600_000, closed="left"))
    new_york_s = 4 * 3_600  # behind UTC on that day
    second = 1_381_104_000 + new_york_s + pl.col("ms") // 1000
    frame = frame.with_columns(start=second - second % seconds)
    bars = frame.group_by("start", maintain_order=True).agg(
        pl.col("price").first().alias("open"),
        pl.col("price").max().alias("high"),
        pl.col("price").min().alias("low"),
        pl.col("price").last().alias("close"),
        pl.col("size").sum().alias("volume"),
        (pl.col("price") * pl.col("size")).sum().alias("notional"),
        pl.len().alias("trades"),
    )
    found = []
    for start, open_, high, low, close, volume, notional, trades in bars.sort("start").iter_rows():
        # 1/10,000 dollars to nanos, rounded half up.
        nanos = (2 * notional * 100_000 + volume) // (2 * volume)
        prices = [Decimal(price) / 10_000 for price in (open_, high, low, close)]
        text = f"{start}"
        found.append((text, *prices, Decimal(volume), Decimal(nanos).scaleb(-9), trades))
    return found  # type: ignore[return-value]


async def stored(
    store: TickStore,
    symbol: str,
    interval: str,
    hours: str = "all",
    *,
    limit: int = 500,
    begin: str = BEGIN,
    end: str = END,
    zone: str = "UTC",
) -> list[Row]:
    found: list[Row] = []
    cursor = None
    while True:
        page = await requests.page_of_bars(
            symbol,
            interval,
            parse_rfc3339(begin),
            parse_rfc3339(end),
            source="outside",
            feed=FEED,
            calendar=DEFAULT if hours == "regular" else None,
            adjusted=False,
            page=PageRequest(limit=limit, cursor=cursor),
            store=store,
            zone=zone,
        )
        for bar in page.items:
            start = parse_rfc3339(bar.start)
            assert start is not None
            texts = (bar.open, bar.high, bar.low, bar.close, bar.volume, bar.vwap)
            found.append((f"{start // 10**9}", *map(Decimal, texts), bar.trades))  # type: ignore[arg-type]
        assert page.items or page.next_cursor is None, "no page is empty"
        cursor = page.next_cursor
        if cursor is None:
            return found


@pytest.mark.parametrize("symbol", ["SPY", "AIG"])
async def test_bars_equal_those_of_the_raw_file(clickhouse: ClickHouse, lean: Path, symbol: str) -> None:
    store = ClickHouseStore(clickhouse)
    of_ticks = messages(lean, symbol, "trade")
    assert len(of_ticks) > 5
    await archived(clickhouse, of_ticks)
    for interval, seconds in INTERVALS.items():
        assert await stored(store, symbol, interval) == computed(lean, symbol, seconds), interval
    # Archiving again in other batches, some messages twice, changes nothing.
    await archived(clickhouse, of_ticks[:5])
    await archived(clickhouse, of_ticks[3:])
    assert await stored(store, symbol, "1m") == computed(lean, symbol, 60)
    regular = await stored(store, symbol, "5m", "regular")
    assert regular == computed(lean, symbol, 300, regular=True)
    assert len(regular) == 78
