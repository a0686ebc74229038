"""Analytics of a recorded day equal the figures that polars computes from the same ticks."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cift.contracts.paging import PageRequest
from cift.history import analytics, executions, indicators
from cift.history.rules import Range
from cift.kernel.ids import uuid7
from cift.platform.clickhouse import ClickHouse
from cift.platform.journal import JournalRecord
from tests.history.test_bars_of_recorded_day import archived, messages
from tests.recorded import LEAN, lean_ticks

NANOS = 10**9
BEGIN_S = 1_381_152_600  # 13:30 UTC
HOUR = Range(BEGIN_S * NANOS, (BEGIN_S + 3_600) * NANOS)
PAGE = PageRequest(limit=500)


@pytest.fixture(scope="module")
def quotes(lean_folder: Path) -> pl.DataFrame:
    return lean_ticks("BAC", "quote", lean_folder).with_columns(start=pl.col("at") // (60 * NANOS) * 60)


@pytest.fixture(scope="module")
def lean_folder() -> Path:
    return LEAN


def in_hour(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("at").is_between(HOUR.since_ns, HOUR.until_ns, closed="left"))


async def test_spread_and_order_flow(clickhouse: ClickHouse, lean_folder: Path, quotes: pl.DataFrame) -> None:
    await archived(clickhouse, messages(lean_folder, "BAC", "quote"))
    good = in_hour(quotes).filter(
        (pl.col("bid_quantity") > 0) & (pl.col("ask_quantity") > 0) & (pl.col("bid") < pl.col("ask"))
    )
    spread = pl.col("ask") - pl.col("bid")
    expected = (
        good.group_by("start")
        .agg(spread.sum().alias("sum"), spread.max().alias("max"), pl.len())
        .sort("start")
    )
    got = (await analytics.spreads("BAC", "lean", "1m", HOUR, PAGE, clickhouse)).items
    assert [(view.quotes, int(Decimal(view.spread_max) * NANOS)) for view in got] == [
        (count, high) for _, _, high, count in expected.iter_rows()
    ]
    for view, (_, total, _, count) in zip(got, expected.iter_rows(), strict=True):
        assert abs(int(Decimal(view.spread) * NANOS) - total / count) <= 1

    def before(name: str) -> pl.Expr:
        return pl.col(name).shift(1).fill_null(pl.col(name))

    added = (
        pl.when(pl.col("bid") >= before("bid")).then("bid_quantity").otherwise(0)
        - pl.when(pl.col("bid") <= before("bid")).then(before("bid_quantity")).otherwise(0)
        - pl.when(pl.col("ask") <= before("ask")).then("ask_quantity").otherwise(0)
        + pl.when(pl.col("ask") >= before("ask")).then(before("ask_quantity")).otherwise(0)
    )
    flow = in_hour(quotes).sort("at", "sequence").with_columns(added=added)
    expected_flow = flow.group_by("start").agg(pl.col("added").sum()).sort("start")
    first = await analytics.order_flow("BAC", "lean", "1m", HOUR, PageRequest(limit=25), clickhouse)
    assert first.next_cursor is not None
    whole = (await analytics.order_flow("BAC", "lean", "1m", HOUR, PAGE, clickhouse)).items
    assert [int(Decimal(view.imbalance) * NANOS) for view in whole] == expected_flow["added"].to_list()
    assert first.items == whole[:25]
    assert len(got) == len(whole) == 60


async def test_volume_profile(clickhouse: ClickHouse, lean_folder: Path) -> None:
    await archived(clickhouse, messages(lean_folder, "BAC", "trade"))
    frame = in_hour(lean_ticks("BAC", "trade", lean_folder)).filter(pl.col("conditions") & 118_517_248 == 0)
    step = 50_000_000
    bands = frame.with_columns(band=pl.col("price") // step * step).group_by("band")
    expected = bands.agg(pl.col("quantity").sum(), pl.len()).sort("band")
    page = await analytics.volume_profile("BAC", "outside", "lean", step, HOUR, PAGE, clickhouse)
    assert [
        (int(Decimal(v.price) * NANOS), int(Decimal(v.volume) * NANOS), v.trades) for v in page.items
    ] == list(expected.iter_rows())


def fill(account: str, order: str) -> dict[str, Any]:
    """One side of a trade, in the form of the journal's events."""
    numbers = dict.fromkeys(("fee", "filled", "leaves", "filled_notional", "cash", "position", "cost"), 0)
    return {"account": account, "order": order, "realized": 0, **numbers}


async def test_fills_are_compared_with_the_mid_price(clickhouse: ClickHouse) -> None:
    buyer, seller, order = uuid7(), uuid7(), uuid7()
    placed_ns = int(order.replace("-", "")[:12], 16) * 1_000_000
    filled_ns = placed_ns + 5 * NANOS
    record = JournalRecord(9, b"")
    record.__dict__["record"] = {
        "timestamp": filled_ns,
        "first_command": 40,
        "entries": [
            {
                "events": [
                    {
                        "type": "trade_executed",
                        "trade": 3,
                        "symbol": "FILL",
                        "price": 101 * NANOS,
                        "quantity": 2 * NANOS,
                        "aggressor": "buy",
                        "maker": fill(seller, uuid7()),
                        "taker": fill(buyer, order),
                    }
                ]
            }
        ],
    }
    for table, block in executions.blocks(executions.fold([record]), "a-journal"):
        await clickhouse.insert(table, block)
        await clickhouse.insert(table, block)  # a redelivery
    for at, bid in ((placed_ns - 1, 99), (placed_ns + NANOS, 100)):
        await clickhouse.command(
            "INSERT INTO quotes_analytics SELECT 'FILL', 'afeed', fromUnixTimestamp64Nano({at:Int64}),"
            " {at:UInt64}, {bid:UInt32}, 1, {bid:UInt32} + 1, 1, 1",
            {"at": at, "bid": bid},
        )
    (view,) = (await analytics.executions(buyer, PAGE, clickhouse)).items
    assert (view.side, view.liquidity, view.price, view.quantity) == ("buy", "taker", "101", "2")
    assert (view.mid, view.effective_spread) == ("100.5", "1")
    assert (view.arrival_mid, view.slippage) == ("99.5", "1.5")
    (sold,) = (await analytics.executions(seller, PAGE, clickhouse)).items
    assert (sold.side, sold.effective_spread) == ("sell", "-1")
    assert (await analytics.executions(uuid7(), PAGE, clickhouse)).items == []


async def test_indicators_and_order_flow_cover_complete_minutes(
    clickhouse: ClickHouse, lean_folder: Path, quotes: pl.DataFrame
) -> None:
    for kind in ("trade", "quote"):
        await archived(clickhouse, messages(lean_folder, "BAC", kind))  # type: ignore[arg-type]
    now_ns = (BEGIN_S + 5 * 3_600 + 7) * NANOS
    built = await indicators.build(now_ns, clickhouse)
    assert built > 0
    await indicators.build(now_ns + NANOS, clickhouse)  # running twice changes nothing
    rows = await clickhouse.rows(
        "SELECT name, toUnixTimestamp(start), value FROM technical_indicators FINAL"
        " WHERE symbol = 'BAC' AND source = 'lean' ORDER BY name, start"
    )
    assert len(rows) == 5 * 10
    since, until = now_ns // NANOS - 86_400, BEGIN_S + 5 * 3_600
    closes = await clickhouse.rows(
        "SELECT toUnixTimestamp(start) AS s, toFloat64(argMax(close, last)) FROM bars_analytics FINAL"
        f" WHERE symbol = 'BAC' AND source = 'lean' AND interval_s = 60 AND s >= {since} AND s < {until}"
        " GROUP BY s ORDER BY s"
    )
    series = pl.Series([close for _, close in closes])
    by_name = {(name, int(start)): value for name, start, value in rows}
    last = int(closes[-1][0])
    sma = series.rolling_mean(20)
    assert sma is not None and abs(by_name["sma_20", last] - sma[-1]) < 1e-9
    # Lean's whole day comes before, so an EMA from the same start has the same value.
    ema = series.ewm_mean(span=20, adjust=False)
    assert abs(by_name["ema_20", last] - ema[-1]) < 1e-6
    flow = await clickhouse.rows(
        "SELECT toUnixTimestamp(start), quotes, mean_bid_quantity FROM order_flow_features FINAL"
        " WHERE symbol = 'BAC' AND source = 'lean' ORDER BY start"
    )
    assert len(flow) == 5
    minute = quotes.filter(pl.col("start") == int(flow[2][0]))
    assert flow[2][1] == minute.height
    mean = minute["bid_quantity"].mean()
    assert isinstance(mean, float) and abs(flow[2][2] - mean / NANOS) < 1e-6
