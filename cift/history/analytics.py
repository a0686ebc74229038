"""Analytics of ticks, quotes and fills: one SQL statement and one view of its rows each.

A page has at most `limit` intervals (or price bands, or fills); its cursor is the key of the next one.
Ranges are bounded, and the store cancels queries that take too long.
"""

from decimal import Decimal
from typing import Any

from cift.contracts.amounts import decimal_text, required_text
from cift.contracts.analytics import ExecutionView, OrderFlowView, SpreadView, VolumeAtPriceView
from cift.contracts.keyset import number
from cift.contracts.paging import Page, PageRequest, make_cursor
from cift.history import rules
from cift.history.clickhouse_store import sources_sql
from cift.history.tick_store import SourceFilter
from cift.kernel.clock import now_ns, rfc3339
from cift.kernel.money import format_nanos
from cift.platform.clickhouse import ClickHouse

RANGE_MAX_S = 7 * 86_400
DEFAULT_RANGE_S = 86_400
_QUOTES = """
FROM quotes_analytics FINAL
WHERE symbol = {symbol:String} AND SOURCES AND bid_quantity >= 0
    AND at >= fromUnixTimestamp64Nano({since:Int64}) AND at < fromUnixTimestamp64Nano({until:Int64})
"""
_BEGINS = "intDiv(toUnixTimestamp64Second(at), {seconds:UInt32}) * {seconds:UInt32}"
_SPREAD = f"""
SELECT {_BEGINS} AS begins, round(avg(toDecimal128(ask - bid, 9)), 9), min(ask - bid), max(ask - bid),
    avg(toFloat64(ask - bid) / toFloat64(ask + bid) * 20000), avg(bid_quantity), avg(ask_quantity), count()
{_QUOTES} AND bid_quantity > 0 AND ask_quantity > 0 AND bid < ask
GROUP BY begins ORDER BY begins ORDER LIMIT {{limit:UInt32}}
"""
_FLOW = f"""
SELECT begins, sum(added) AS imbalance, count() FROM (
    SELECT {_BEGINS} AS begins,
        lagInFrame(bid, 1, bid) OVER before AS bid_1, lagInFrame(ask, 1, ask) OVER before AS ask_1,
        toDecimal128(if(bid >= bid_1, bid_quantity, 0), 9)
            - if(bid <= bid_1, lagInFrame(bid_quantity, 1, bid_quantity) OVER before, 0)
            - if(ask <= ask_1, ask_quantity, 0)
            + if(ask >= ask_1, lagInFrame(ask_quantity, 1, ask_quantity) OVER before, 0) AS added
    {_QUOTES}
    WINDOW before AS (PARTITION BY source ORDER BY at, sequence ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
) GROUP BY begins ORDER BY begins ORDER LIMIT {{limit:UInt32}}
"""  # noqa: S608 (constants)
# As _FLOW for every symbol and feed, with mean spread and sizes: the rows of order_flow_features.
FLOW_BY_MINUTE = f"""
SELECT symbol, source, toDateTime(begins, 'UTC'), {{seconds:UInt32}}, sum(toFloat64(added)),
avg(toFloat64(ask - bid)),
    avg(toFloat64(bid_quantity)), avg(toFloat64(ask_quantity)), count(),
    fromUnixTimestamp64Milli({{now:Int64}}, 'UTC')
FROM (
    SELECT symbol, source, {_BEGINS} AS begins, bid, ask, bid_quantity, ask_quantity,
        lagInFrame(bid, 1, bid) OVER before AS bid_1, lagInFrame(ask, 1, ask) OVER before AS ask_1,
        toDecimal128(if(bid >= bid_1, bid_quantity, 0), 9)
            - if(bid <= bid_1, lagInFrame(bid_quantity, 1, bid_quantity) OVER before, 0)
            - if(ask <= ask_1, ask_quantity, 0)
            + if(ask >= ask_1, lagInFrame(ask_quantity, 1, ask_quantity) OVER before, 0) AS added
    FROM quotes_analytics FINAL
    WHERE bid_quantity >= 0
        AND at >= fromUnixTimestamp64Nano({{since:Int64}}) AND at < fromUnixTimestamp64Nano({{until:Int64}})
    WINDOW before AS (PARTITION BY symbol, source ORDER BY at, sequence ROWS BETWEEN 1 PRECEDING AND CURRENT
    ROW)
) GROUP BY symbol, source, begins
"""  # noqa: S608 (constants)
_PROFILE = """
SELECT intDiv(toInt64(reinterpretAsInt64(price)), {step:Int64}) * {step:Int64} AS band, sum(quantity), count()
FROM ticks_analytics FINAL
WHERE symbol = {symbol:String} AND SOURCES AND bitAnd(conditions, 118517248) = 0
    AND at >= fromUnixTimestamp64Nano({since:Int64}) AND at < fromUnixTimestamp64Nano({until:Int64})
GROUP BY band HAVING band >= {from:Int64} ORDER BY band LIMIT {limit:UInt32}
"""
# Mid prices: from quotes of feeds, and from the archived snapshots of the exchange's own book.
_MIDS = """
SELECT symbol, at, (bid + ask) / 2 AS mid FROM quotes_analytics FINAL
WHERE symbol IN (SELECT symbol FROM mine) AND bid_quantity > 0 AND ask_quantity > 0 AND bid < ask
    AND at >= (SELECT min(arrived) FROM mine) - INTERVAL 1 HOUR AND at <= (SELECT max(at) FROM mine)
UNION ALL
SELECT symbol, at, (bid_prices[1] + ask_prices[1]) / 2 FROM order_book_snapshots FINAL
WHERE symbol IN (SELECT symbol FROM mine) AND notEmpty(bid_prices) AND notEmpty(ask_prices)
    AND at >= (SELECT min(arrived) FROM mine) - INTERVAL 1 HOUR AND at <= (SELECT max(at) FROM mine)
"""
# An order's id is a UUIDv7: its first 48 bits are the time of placement, in ms.
_EXECUTIONS = f"""
WITH mine AS (
    SELECT *, toDateTime64(UUIDv7ToDateTime(order), 9, 'UTC') AS arrived FROM trade_executions FINAL
    WHERE account = toUUID({{account:String}}) AND sequence * 1024 + entry < {{before:UInt64}}
    ORDER BY sequence DESC, entry DESC LIMIT {{limit:UInt32}}
), mids AS ({_MIDS})
SELECT toUnixTimestamp64Nano(f.at), toString(f.order), f.symbol, f.side, toString(f.liquidity), f.price,
    f.quantity, m.mid, a.mid, f.sequence * 1024 + f.entry AS place
FROM mine AS f
ASOF LEFT JOIN mids AS m ON f.symbol = m.symbol AND f.at >= m.at
ASOF LEFT JOIN mids AS a ON f.symbol = a.symbol AND f.arrived >= a.at
ORDER BY place DESC
"""  # noqa: S608 (constants)


def query_range(start_ns: int | None, end_ns: int | None) -> rules.Range:
    """The range of a query; without a start, the day before its end. Raises Refused."""
    return rules.range_of(start_ns, end_ns, now_ns(), max_s=RANGE_MAX_S, default_s=DEFAULT_RANGE_S)


async def _series(
    sql: str,
    symbol: str,
    feed: str | None,
    interval: str,
    range_: rules.Range,
    page: PageRequest,
    clickhouse: ClickHouse,
    is_last: bool,
) -> tuple[list[tuple[Any, ...]], str | None]:
    """Rows of a page, oldest first, and the next cursor; `is_last`: the last rows of the range."""
    seconds = rules.seconds_of(interval)
    after = number(page)
    from_end = is_last and after is None
    condition, parameters = sources_sql(rules.source_filter("all", feed) if feed else SourceFilter(None))
    rows = await clickhouse.rows(
        sql.replace("SOURCES", condition).replace(" ORDER LIMIT", f" {'DESC' if from_end else 'ASC'} LIMIT"),
        {
            "symbol": symbol,
            "seconds": seconds,
            "since": max(range_.since_ns, (after or 0) * 10**9),
            "until": range_.until_ns,
            "limit": page.limit + 1,
            **parameters,
        },
    )
    if from_end:
        return rows[: page.limit][::-1], None
    cursor = make_cursor(str(int(rows[page.limit][0]))) if len(rows) > page.limit else None
    return rows[: page.limit], cursor


def _shares(mean: float) -> str:
    return required_text(Decimal(f"{mean:.3f}"))


async def spreads(
    symbol: str,
    feed: str | None,
    interval: str,
    range_: rules.Range,
    page: PageRequest,
    clickhouse: ClickHouse,
    *,
    is_last: bool = False,
) -> Page[SpreadView]:
    """Spread and sizes of the best quote, by interval, oldest first; `is_last`: the last `limit` ones of the
    range. Raises Refused, Unavailable."""
    rows, cursor = await _series(_SPREAD, symbol, feed, interval, range_, page, clickhouse, is_last)
    items = [
        SpreadView.model_construct(
            start=rfc3339(int(begins) * 10**9),
            spread=required_text(Decimal(str(mean)).quantize(Decimal("0.000000001"))),
            spread_min=required_text(low),
            spread_max=required_text(high),
            spread_bp=round(bp, 6),
            bid_quantity=_shares(bid),
            ask_quantity=_shares(ask),
            quotes=int(quotes),
        )
        for begins, mean, low, high, bp, bid, ask, quotes in rows
    ]
    return Page.model_construct(items=items, next_cursor=cursor)


async def order_flow(
    symbol: str,
    feed: str | None,
    interval: str,
    range_: rules.Range,
    page: PageRequest,
    clickhouse: ClickHouse,
    *,
    is_last: bool = False,
) -> Page[OrderFlowView]:
    """Order-flow imbalance by interval: size added to bids minus size added to asks; `is_last`: the last
    `limit` ones of the range. Raises Refused, Unavailable."""
    rows, cursor = await _series(_FLOW, symbol, feed, interval, range_, page, clickhouse, is_last)
    items = [
        OrderFlowView.model_construct(
            start=rfc3339(int(begins) * 10**9), imbalance=required_text(imbalance), quotes=int(quotes)
        )
        for begins, imbalance, quotes in rows
    ]
    return Page.model_construct(items=items, next_cursor=cursor)


async def volume_profile(
    symbol: str,
    source: str,
    feed: str | None,
    step_nanos: int,
    range_: rules.Range,
    page: PageRequest,
    clickhouse: ClickHouse,
) -> Page[VolumeAtPriceView]:
    """Volume by price, lowest first. Raises Refused, Unavailable."""
    condition, parameters = sources_sql(rules.source_filter(source, feed))
    rows = await clickhouse.rows(
        _PROFILE.replace("SOURCES", condition),
        {
            "symbol": symbol,
            "step": step_nanos,
            "from": number(page) or 0,
            "since": range_.since_ns,
            "until": range_.until_ns,
            "limit": page.limit + 1,
            **parameters,
        },
    )
    cursor = make_cursor(str(int(rows[page.limit][0]))) if len(rows) > page.limit else None
    items = [
        VolumeAtPriceView.model_construct(
            price=format_nanos(int(band)), volume=required_text(volume), trades=int(trades)
        )
        for band, volume, trades in rows[: page.limit]
    ]
    return Page.model_construct(items=items, next_cursor=cursor)


async def executions(account_id: str, page: PageRequest, clickhouse: ClickHouse) -> Page[ExecutionView]:
    """An account's fills with the market's mid price at each, newest first. Raises Refused, Unavailable."""
    before = number(page)
    rows = await clickhouse.rows(
        _EXECUTIONS,
        {
            "account": account_id,
            "before": 2**63 - 1 if before is None else before,
            "limit": page.limit + 1,
        },
    )
    cursor = make_cursor(str(int(rows[page.limit - 1][-1]))) if len(rows) > page.limit else None
    return Page.model_construct(items=[_execution(row) for row in rows[: page.limit]], next_cursor=cursor)


def _execution(row: tuple[Any, ...]) -> ExecutionView:
    at, order, symbol, side, liquidity, price, quantity, mid, arrival, _ = row
    # ASOF LEFT JOIN gives 0 where no mid price is known; 0 is never a price.
    over_mid = price - mid if mid else None
    over_arrival = price - arrival if arrival else None
    return ExecutionView.model_construct(
        at=rfc3339(int(at)),
        order_id=order,
        symbol=symbol,
        side="buy" if side > 0 else "sell",
        liquidity=liquidity,
        price=required_text(price),
        quantity=required_text(quantity),
        mid=decimal_text(mid) if mid else None,
        effective_spread=None if over_mid is None else decimal_text(2 * side * over_mid),
        arrival_mid=decimal_text(arrival) if arrival else None,
        slippage=None if over_arrival is None else decimal_text(side * over_arrival),
    )
