"""Quotes, book, trades, bars and symbols."""

from datetime import UTC, datetime, timedelta

from cift.kernel.clock import now_ns, rfc3339
from cift.kernel.money import NANOS
from tests.target import DEADLINE_S
from tests.venue import FEED, MARKET, Venue, refusal


async def test_quote_and_book_show_resting_orders(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    await venue.order(one, symbol, limit_price="99.5", quantity="4")
    await venue.order(two, symbol, limit_price="99.5", quantity="6")
    await venue.order(one, symbol, limit_price="99", quantity="1")
    await venue.order(two, symbol, side="sell", limit_price="101", quantity="3")
    quote = await venue.get(one, f"{MARKET}/quote/{symbol.lower()}")
    shown = [
        quote[name] for name in ("symbol", "bid", "bid_quantity", "ask", "ask_quantity", "last", "halted")
    ]
    assert shown == [symbol, "99.5", "10", "101", "3", "100", False]
    book = await venue.get(None, f"{MARKET}/book/{symbol}", depth=1)
    assert book["bids"] == [{"price": "99.5", "quantity": "10", "orders": 2}]
    assert book["asks"] == [{"price": "101", "quantity": "3", "orders": 1}]
    other = await venue.instrument(price=None)
    both = await venue.get(None, f"{MARKET}/quotes", symbols=f"{other},{symbol},{other}")
    assert [q["symbol"] for q in both["items"]] == [other, symbol]
    assert (both["items"][0]["last"], both["items"][0]["bid"]) == (None, None)
    assert both["unknown_symbols"] == []


async def test_quotes_name_the_unknown_symbols_among_known_ones(venue: Venue) -> None:
    symbol, other = await venue.instrument(), await venue.instrument()
    found = await venue.get(None, f"{MARKET}/quotes", symbols=f"nosuch,{symbol},{'X' * 40},b@d,{other}")
    assert [quote["symbol"] for quote in found["items"]] == [symbol, other]
    assert found["unknown_symbols"] == ["NOSUCH", "X" * 32, "B@D"], "cut to 32 characters"
    for symbols in ("NOSUCH", "NOSUCH,b@d", "b@d"):
        answer = await venue.call(None, "GET", f"{MARKET}/quotes?symbols={symbols}")
        error = refusal(answer, 404, "unknown_symbol", "symbols")
        assert symbols.split(",")[0].upper() in error["message"]


async def test_trades_of_the_exchange_and_outside_prints_are_separate(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    await venue.order(one, symbol, side="sell", quantity="2")
    await venue.market(two, symbol, "buy", "2")
    await venue.print(symbol, "100.5", 7)
    path = f"{MARKET}/trades/{symbol}"

    async def tape(**query: str) -> list[tuple[str, str, str]]:
        answer = await venue.http.get(path, params=query, headers=two.key)
        return [(t["source"], t["price"], t["quantity"]) for t in answer.json()["items"]]

    await venue.market(two, symbol, "buy", "1")  # the caller's last command comes after the print
    assert await tape(source="exchange") == [("exchange", "100", "2")]
    assert len(await tape()) == 3, "by default all prints, each with its source"
    assert await tape(source="outside") == [("outside", "100.5", "7"), ("outside", "100", "1")]
    assert [t[0] for t in await tape(source="all")] == ["outside", "exchange", "outside"]
    page = (await venue.http.get(path, params={"source": "all", "limit": 2}, headers=two.key)).json()
    rest = (
        await venue.http.get(
            path, params={"source": "all", "limit": 2, "cursor": page["next_cursor"]}, headers=two.key
        )
    ).json()
    assert (len(page["items"]), len(rest["items"]), rest["next_cursor"]) == (2, 1, None)


async def test_bars_of_known_trades(venue: Venue) -> None:
    """Bars of trades with known times, inserted for a symbol that has no others."""
    symbol = await venue.instrument(price=None)
    user = venue.user()
    await venue.platform.database.caught_up(user.account_id, "project_market")
    begin = datetime(2024, 3, 1, 14, 30, tzinfo=UTC)
    rows = [
        (0, "100", 5),
        (20, "103", 1),
        (59, "101", 4),
        (60, "101.5", 2),
        (3 * 86_400, "90", 1),
        (3 * 86_400 + 61, "91", 1),
    ]
    # Above every sequence of the journal, and deleted below: a rebuild must not find them.
    base = 2**62 + int(symbol.rpartition("X")[2]) * 1000
    async with venue.platform.database.write() as c:
        for number, (second, price, quantity) in enumerate(rows):
            await c.execute(
                "INSERT INTO trades (sequence, entry, source, symbol, price, quantity, feed, executed_at)"
                " VALUES ($1, 0, 'outside', $2, $3::text::numeric, $4, 1, $5)",
                base + number,
                symbol,
                price,
                quantity,
                begin + timedelta(seconds=second),
            )
    try:
        path = f"{MARKET}/bars/{symbol}"
        query = {"source": "outside", "start": "2024-03-01T14:30:00Z", "end": "2024-03-05T00:00:00Z"}
        bars = (await venue.get(None, path, interval="1m", **query))["items"]
        shape = ("start", "open", "high", "low", "close", "volume", "vwap", "trades")
        assert [[bar[name] for name in shape] for bar in bars[:2]] == [
            ["2024-03-01T14:30:00.000000Z", "100", "103", "100", "101", "10", "100.7", 3],
            ["2024-03-01T14:31:00.000000Z", "101.5", "101.5", "101.5", "101.5", "2", "101.5", 1],
        ]
        assert [bar["start"][8:16] for bar in bars] == ["01T14:30", "01T14:31"]
        # Each page begins with the next trade, however long the pause before it.
        seen, cursor = [], None
        while True:
            more = {"cursor": cursor} if cursor else {}
            page = await venue.get(None, path, interval="1m", limit=1, **query, **more)
            assert page["items"], "no page is empty"
            seen += [bar["start"][8:16] for bar in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == ["01T14:30", "01T14:31", "04T14:30", "04T14:31"]
        for interval, count in (("1s", 6), ("5s", 6), ("5m", 2), ("15m", 2), ("1h", 2), ("1d", 2)):
            got, cursor = [], None
            while True:
                more = {"cursor": cursor} if cursor else {}
                page = await venue.get(None, path, interval=interval, limit=500, **query, **more)
                got += page["items"]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            assert len(got) == count, interval
            assert sum(int(bar["volume"]) for bar in got) == 14
        # Without a start: the last bars.
        last = (
            await venue.get(None, path, source="outside", interval="1m", limit=1, end="2024-03-05T00:00:00Z")
        )["items"]
        assert [bar["open"] for bar in last] == ["91"]
        assert (await venue.get(None, path, interval="1m", source="exchange"))["items"] == []
    finally:
        await venue.platform.database.execute("DELETE FROM trades WHERE symbol = $1", symbol)


async def test_symbols_list_the_rules_of_an_instrument(venue: Venue) -> None:
    symbol = await venue.instrument(tick=NANOS // 4, lot=4 * NANOS, band_ppm=50_000, collar_ppm=12_500)
    user = venue.user()
    await venue.try_order(user, symbol, quantity="4")
    import httpx

    from tests.target import eventually

    def found() -> dict[str, object] | None:
        items = httpx.get(
            f"{venue.exchange.url}{MARKET}/symbols?query={symbol.lower()}", timeout=DEADLINE_S
        ).json()["items"]
        return items[0] if items and items[0]["last"] else None

    listed = eventually(found, "the symbol is listed")
    assert listed.pop("calendar") == "XNYS"
    now = rfc3339(now_ns())
    assert isinstance(listed.pop("in_regular_hours"), bool) and listed.pop("hours_change_at") > now
    assert listed.pop("session") in ("closed", "pre", "regular", "post")
    assert str(listed.pop("last_session")) <= now[:10]
    assert listed == {
        "symbol": symbol,
        "name": None,
        "currency": "USD",
        "tick": "0.25",
        "lot": "4",
        "band_percent": "5",
        "collar_percent": "1.25",
        "halted": False,
        "last": "100",
    }
    page = await venue.get(None, f"{MARKET}/symbols", limit=1)
    assert len(page["items"]) == 1
    if page["next_cursor"] is not None:
        rest = await venue.get(None, f"{MARKET}/symbols", cursor=page["next_cursor"], limit=500)
        assert rest["items"][0]["symbol"] > page["items"][0]["symbol"]


async def test_a_halted_instrument_is_shown_and_refuses_orders(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    await venue.command(type="halt", symbol=symbol)
    try:
        assert (await venue.get(user, f"{MARKET}/quote/{symbol}"))["halted"] is True
        refusal(await venue.try_order(user, symbol), 422, "instrument_halted", "symbol")
    finally:
        await venue.command(type="resume", symbol=symbol)
    assert (await venue.order(user, symbol))["status"] == "new"


async def test_outside_quote_fills_a_market_order(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    await venue.command(
        type="outside_quote",
        feed=FEED,
        source_sequence=10**9,
        symbol=symbol,
        bid={"price": 99 * NANOS, "quantity": 50 * NANOS},
        ask={"price": 100 * NANOS, "quantity": 50 * NANOS},
    )
    view = await venue.market(user, symbol, "buy", "20")
    assert (view["status"], view["average_fill_price"]) == ("filled", "100")
    (fill,) = (await venue.get(user, "fills", symbol=symbol))["items"]
    assert fill["liquidity"] == "taker"
    fills = await venue.platform.database.fetchval(
        "SELECT count(*) FROM order_fills WHERE trade_id = $1", fill["trade_id"]
    )
    assert fills == 1, "the house account has quotes and no orders, so it has no fills"
