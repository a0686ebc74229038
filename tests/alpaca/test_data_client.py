"""`StockHistoricalDataClient`, `CryptoHistoricalDataClient` and `ScreenerClient` of alpaca-py, unmodified."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from alpaca.common.enums import Sort
from alpaca.common.exceptions import APIError
from alpaca.data.historical.crypto import CryptoHistoricalDataClient
from alpaca.data.historical.screener import ScreenerClient
from alpaca.data.historical.stock import StockHistoricalDataClient
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestOrderbookRequest,
    CryptoLatestQuoteRequest,
    CryptoLatestTradeRequest,
    CryptoSnapshotRequest,
    CryptoTradesRequest,
    MarketMoversRequest,
    MostActivesRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockQuotesRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame, TimeFrameUnit

from cift.kernel.money import NANOS
from tests.alpaca.conftest import Market
from tests.target import User
from tests.venue import Venue

PRICES = ["100", "100.05", "99.95", "100.02", "100.04"]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def traded(market: Market) -> AsyncIterator[Market]:
    """Instruments of these tests alone, with quotes and after five prints."""
    venue = market.venue
    symbols = [await venue.instrument(), await venue.instrument()]
    for symbol in symbols:
        await venue.order(market.maker, symbol, side="sell", quantity="4", limit_price="100.10")
        await venue.order(market.maker, symbol, side="buy", quantity="4", limit_price="99.90")
        for price in PRICES:
            await venue.print(symbol, price, 2)
    await venue.order(market.maker, symbols[0], quantity="1", limit_price="99")
    await venue.platform.database.caught_up(market.maker.account_id, "project_market")
    yield replace(market, symbol=symbols[0], other=symbols[1])


@pytest.fixture
def data(traded: Market, user: User) -> StockHistoricalDataClient:
    return StockHistoricalDataClient(*traded.keys(user), url_override=f"{traded.url}/alpaca")


def test_trades_are_paged_by_symbol_and_time(data: StockHistoricalDataClient, traded: Market) -> None:
    symbols = sorted((traded.symbol, traded.other))
    trades = data.get_stock_trades(StockTradesRequest(symbol_or_symbols=symbols))
    for symbol in symbols:
        assert [each.price for each in trades[symbol]][-5:] == [float(price) for price in PRICES]
        times = [each.timestamp for each in trades[symbol]]
        assert times == sorted(times)
    newest = data.get_stock_trades(
        StockTradesRequest(symbol_or_symbols=traded.symbol, limit=2, sort=Sort.DESC)
    )
    assert [each.price for each in newest[traded.symbol]] == [100.04, 100.02]
    paged: list[float] = []
    token = None
    while True:
        page = data.get("/stocks/trades", {"symbols": ",".join(symbols), "limit": 3, "page_token": token})
        paged += [each["p"] for symbol in sorted(page["trades"]) for each in page["trades"][symbol]]
        token = page["next_page_token"]
        if token is None:
            break
    assert paged == [each.price for symbol in symbols for each in trades[symbol]]


def test_bars_of_every_timeframe_have_the_same_sums(data: StockHistoricalDataClient, traded: Market) -> None:
    since = datetime.now(UTC) - timedelta(days=1)
    volumes = {}
    for frame in (
        TimeFrame.Minute,
        TimeFrame(5, TimeFrameUnit.Minute),
        TimeFrame.Hour,
        TimeFrame.Day,
        TimeFrame.Week,
        TimeFrame(3, TimeFrameUnit.Month),
    ):
        start = since if frame.unit in (TimeFrameUnit.Minute, TimeFrameUnit.Hour) else since - timedelta(100)
        for sort in (Sort.ASC, Sort.DESC):
            bars = data.get_stock_bars(
                StockBarsRequest(symbol_or_symbols=traded.symbol, timeframe=frame, start=start, sort=sort)
            )
            listed = bars[traded.symbol]
            volumes[frame.value, sort] = sum(bar.volume for bar in listed)
            assert max(bar.high for bar in listed) == 100.05 and min(bar.low for bar in listed) == 99.95
            assert (listed[-1] if sort is Sort.ASC else listed[0]).close == 100.04
            assert all(bar.trade_count and bar.low <= bar.vwap <= bar.high for bar in listed)
    assert len(set(volumes.values())) == 1, volumes
    assert list(bars.df.columns)[:4] == ["open", "high", "low", "close"]


def test_latest_and_snapshots(data: StockHistoricalDataClient, traded: Market) -> None:
    symbol = traded.symbol
    assert (
        data.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=symbol))[symbol].price == 100.04
    )
    quote = data.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbol))[symbol]
    assert (quote.bid_price, quote.ask_price) == (99.9, 100.1)
    assert data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=symbol))[symbol].close == 100.04
    found = data.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=[symbol, traded.other]))
    assert set(found) == {symbol, traded.other}
    snapshot = found[symbol]
    assert (snapshot.latest_trade.price, snapshot.latest_quote.ask_price) == (100.04, 100.1)
    assert snapshot.daily_bar.high == 100.05 and snapshot.minute_bar.close == 100.04


def test_recent_quotes_come_from_the_bus(data: StockHistoricalDataClient, traded: Market) -> None:
    quotes = data.get_stock_quotes(StockQuotesRequest(symbol_or_symbols=traded.symbol, limit=100))
    assert quotes[traded.symbol][-1].bid_price == 99.9


@pytest.mark.parametrize("kind", ["trades", "quotes"])
@pytest.mark.parametrize("sort", ["asc", "desc"])
def test_pages_of_every_size_join_to_the_whole_list(
    data: StockHistoricalDataClient, traded: Market, kind: str, sort: str
) -> None:
    query = {"symbols": f"{traded.symbol},{traded.other}", "sort": sort}

    def pages(limit: int) -> list[tuple[str, str]]:
        items: list[tuple[str, str]] = []
        token = None
        while True:
            page = data.get(f"/stocks/{kind}", {**query, "limit": limit, "page_token": token})
            found = page[kind]
            items += [(symbol, str(item)) for symbol in sorted(found) for item in found[symbol]]
            token = page["next_page_token"]
            if token is None:
                return items

    whole = pages(1_000)
    assert {symbol for symbol, _ in whole} == {traded.symbol, traded.other}
    for limit in range(1, len(whole) + 1):  # one of them ends with the last item of the first symbol
        assert pages(limit) == whole, f"pages of {limit}"


def test_single_symbols_have_paths_of_their_own(data: StockHistoricalDataClient, traded: Market) -> None:
    symbol = traded.symbol
    assert data.get(f"/stocks/{symbol}/bars", {"timeframe": "1Hour"})["bars"][-1]["c"] == 100.04
    assert data.get(f"/stocks/{symbol}/trades", {})["trades"][-1]["p"] == 100.04
    assert data.get(f"/stocks/{symbol}/quotes", {})["symbol"] == symbol
    assert data.get(f"/stocks/{symbol}/bars/latest")["bar"]["c"] == 100.04
    assert data.get(f"/stocks/{symbol}/trades/latest")["trade"]["p"] == 100.04
    assert data.get(f"/stocks/{symbol}/quotes/latest")["quote"]["ap"] == 100.1
    assert data.get(f"/stocks/{symbol}/snapshot")["latestTrade"]["p"] == 100.04
    assert data.get(f"/stocks/{symbol}/auctions")["auctions"] == []
    assert data.get("/stocks/auctions", {"symbols": symbol})["auctions"] == {symbol: []}
    assert data.get("/stocks/meta/exchanges")["C"] == "CIFT Markets"
    assert data.get("/stocks/meta/conditions/trade", {"tape": "C"}) == {"@": "Regular Sale"}


@pytest.mark.parametrize(
    ("path", "query", "status", "sentence"),
    [
        ("/stocks/bars", {"symbols": "SPY", "timeframe": "61Min"}, 400, "invalid timeframe"),
        ("/stocks/bars", {"timeframe": "1Min"}, 400, "symbols is required"),
        ("/stocks/trades", {"symbols": "SPY", "limit": 10_001}, 400, "limit must be"),
        ("/stocks/trades", {"symbols": "SPY", "page_token": "x"}, 400, "invalid page_token"),
        ("/stocks/trades", {"symbols": "SPY", "feed": "x"}, 400, "invalid feed"),
        ("/stocks/NOSUCH/bars", {"timeframe": "1Min"}, 404, "symbol not found"),
        ("/stocks/trades", {"symbols": "SPY", "start": "yesterday"}, 422, "invalid start"),
    ],
)
def test_wrong_parameters(
    data: StockHistoricalDataClient, path: str, query: dict[str, object], status: int, sentence: str
) -> None:
    with pytest.raises(APIError) as refused:
        data.get(path, query)
    assert refused.value.status_code == status and sentence in refused.value.message


async def coin(venue: Venue, symbol: str, price: str = "50", bid: str = "49.5", ask: str = "51") -> str:
    """An instrument of the calendar 24/7 with a last price and a book."""
    listed = await venue.get(None, "/api/v1/market-data/symbols", query=symbol)
    if listed["items"]:
        return symbol
    await venue.command(
        type="define_instrument",
        symbol=symbol,
        currency="USD",
        tick=NANOS // 100,
        lot=NANOS // 1_000_000,
        band_ppm=100_000,
        collar_ppm=20_000,
    )
    await venue.platform.database.execute(
        "INSERT INTO instrument_details (symbol, calendar) VALUES ($1, '24/7')"
        " ON CONFLICT (symbol) DO UPDATE SET calendar = excluded.calendar",
        symbol,
    )
    await venue.print(symbol, price)
    maker = venue.user()
    await venue.order(maker, symbol, side="sell", quantity="2", limit_price=ask)
    await venue.order(maker, symbol, side="buy", quantity="1.5", limit_price=bid)
    return symbol


async def test_instruments_around_the_clock_are_crypto(market: Market, user: User) -> None:
    symbol = await coin(market.venue, "TST/USD")
    await market.venue.get(user, "portfolio")
    client = CryptoHistoricalDataClient(*market.keys(user), url_override=market.url)
    trading = market.trading(user)
    assert trading.get_asset(symbol.replace("/", "%2F")).asset_class.value == "crypto"
    assert client.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=symbol))[
        symbol
    ].bid_price == pytest.approx(49.5)
    trades = client.get_crypto_latest_trade(CryptoLatestTradeRequest(symbol_or_symbols=symbol))
    assert trades[symbol].price == 50
    books = client.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols=symbol))
    assert (books[symbol].bids[0].size, books[symbol].asks[0].price) == (1.5, 51)
    bars = client.get_crypto_bars(CryptoBarsRequest(symbol_or_symbols=symbol, timeframe=TimeFrame.Hour))
    assert bars[symbol][-1].close == 50
    assert client.get_crypto_trades(CryptoTradesRequest(symbol_or_symbols=symbol))[symbol][-1].price == 50
    snapshot = client.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols=symbol))[symbol]
    assert snapshot.latest_trade.price == 50


def test_screener(traded: Market, user: User) -> None:
    client = ScreenerClient(*traded.keys(user), url_override=traded.url)
    actives = client.get_most_actives(MostActivesRequest(top=100))
    assert {traded.symbol, traded.other} <= {each.symbol for each in actives.most_actives}
    assert client.get_market_movers(MarketMoversRequest(top=5)).gainers == []
