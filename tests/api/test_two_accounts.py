"""Two accounts trade: fills, cash and positions are exact on both sides, and all sums are zero."""

from decimal import Decimal

from tests.venue import MARKET, Venue, number


async def test_both_sides_of_a_trade_are_exact(venue: Venue) -> None:
    symbol, buyer, seller = await venue.instrument(), venue.user(), venue.user()
    async with venue.fees(100, 300):  # 1 and 3 basis points
        await venue.order(buyer, symbol, quantity="100", limit_price="100.37")
        sold = await venue.order(seller, symbol, side="sell", quantity="60", limit_price="100.01")
    # 60 x 100.37 = 6022.20; maker 0.60222 -> 0.61, taker 1.80666 -> 1.81
    assert (sold["status"], sold["average_fill_price"]) == ("filled", "100.37")
    expected = {
        buyer.account_id: ("93977.19", "60", "6022.2", "0.61", "maker", "buy"),
        seller.account_id: ("106020.39", "-60", "-6022.2", "1.81", "taker", "sell"),
    }
    for user in (buyer, seller):
        cash, quantity, cost, fee, liquidity, side = expected[user.account_id]
        portfolio = await venue.get(user, "portfolio")
        assert portfolio["cash"] == cash
        assert portfolio["fees_paid"] == fee
        position = await venue.get(user, f"positions/{symbol}")
        assert (position["quantity"], position["cost"], position["average_price"]) == (
            quantity,
            cost,
            "100.37",
        )
        assert (position["mark"], position["unrealized_pnl"]) == ("100.37", "0")
        (fill,) = (await venue.get(user, "fills"))["items"]
        assert (fill["price"], fill["quantity"], fill["notional"]) == ("100.37", "60", "6022.2")
        assert (fill["fee"], fill["liquidity"], fill["side"]) == (fee, liquidity, side)
        # The transactions add up to the cash; each has the balance after it.
        rows = (await venue.get(user, "transactions"))["items"]
        assert [row["kind"] for row in rows] == ["fee", "trade", "deposit"]
        balance = Decimal(0)
        for row in reversed(rows):
            balance += number(row["amount"])
            assert number(row["cash"]) == balance
        assert balance == number(cash)


async def test_profit_and_loss_of_a_round_trip(venue: Venue) -> None:
    symbol, other, user = await venue.instrument(), venue.user(), venue.user()
    await venue.order(other, symbol, side="sell", quantity="30", limit_price="100")
    await venue.market(user, symbol, "buy", "30")
    await venue.order(other, symbol, quantity="20", limit_price="103.5")
    await venue.market(user, symbol, "sell", "10")
    position = await venue.get(user, f"positions/{symbol}")
    assert (position["quantity"], position["cost"], position["realized_pnl"]) == ("20", "2000", "35")
    # The last price is 103.50; the mark is at most the collar of 2 % away from the base price of 100 (R2.12).
    assert (position["mark"], position["market_value"], position["unrealized_pnl"]) == ("102", "2040", "40")
    assert position["unrealized_pnl_percent"] == "2.00"
    assert (await venue.get(user, "positions"))["items"] == [position]
    portfolio = await venue.get(user, "portfolio")
    assert (portfolio["realized_pnl"], portfolio["unrealized_pnl"], portfolio["day_pnl"]) == (
        "35",
        "40",
        "75",
    )
    assert (portfolio["cash"], portfolio["market_value"], portfolio["equity"]) == ("98035", "2040", "100075")
    assert portfolio["positions"] == [position]
    # A flip from long 20 to short 5: the sale of 20 realises profit, the rest opens at the new price.
    await venue.order(other, symbol, quantity="10", limit_price="103.5", self_trade_prevention="none")
    await venue.market(user, symbol, "sell", "20")
    await venue.order(other, symbol, quantity="5", limit_price="102")
    await venue.market(user, symbol, "sell", "5")
    position = await venue.get(user, f"positions/{symbol}")
    assert (position["side"], position["quantity"], position["cost"]) == ("short", "-5", "-510")
    assert position["realized_pnl"] == "105"


async def test_read_model_agrees_with_the_engine(venue: Venue) -> None:
    symbol, other, user = await venue.instrument(), venue.user(), venue.user()
    await venue.order(other, symbol, side="sell", quantity="7", limit_price="100.03")
    await venue.market(user, symbol, "buy", "7")
    await venue.order(user, symbol, quantity="3", limit_price="99")
    state = (await venue.engine.query({"account": user.account_id}))["account"]
    portfolio = await venue.get(user, "portfolio")
    for name in (
        "cash",
        "reserved",
        "equity",
        "buying_power",
        "withdrawable",
        "open_orders",
        "currency",
        "kind",
    ):
        assert portfolio[name] == state[name], name
    assert portfolio["gross_exposure"] == state["gross"]
    power = await venue.get(user, "account/buying-power")
    assert power == {name: state[name] for name in power}
    listed = (await venue.get(user, "positions"))["items"]
    same = (
        "symbol",
        "quantity",
        "cost",
        "average_price",
        "mark",
        "market_value",
        "unrealized_pnl",
        "realized_pnl",
    )
    assert [[p[n] for n in same] for p in listed] == [[p[n] for n in same] for p in portfolio["positions"]]
    assert number(portfolio["cash"]) + number(portfolio["market_value"]) == number(portfolio["equity"])


async def test_all_accounts_and_fees_sum_to_zero(venue: Venue) -> None:
    """Over all commands of all tests so far, per currency and per instrument."""
    await venue.platform.database.caught_up(venue.user().account_id, "project_ledger")
    rows = await venue.platform.database.fetch(
        "SELECT currency, sum(cash) AS sum FROM (SELECT currency, cash FROM accounts"
        " UNION ALL SELECT currency, cash FROM system_balances) a GROUP BY currency"
    )
    assert rows, "there are accounts"
    assert {row["currency"]: row["sum"] for row in rows} == {row["currency"]: 0 for row in rows}
    rows = await venue.platform.database.fetch(
        "SELECT symbol, sum(quantity) AS sum FROM positions GROUP BY symbol"
    )
    reset = await venue.platform.database.fetchval("SELECT count(*) FROM transactions WHERE kind = 'reset'")
    if not reset:  # a reset moves positions to a system account without a row
        assert all(row["sum"] == 0 for row in rows)
    wrong = await venue.platform.database.fetch(
        "SELECT a.id FROM accounts a JOIN (SELECT account_id, sum(amount) AS sum FROM transactions"
        " GROUP BY 1) t ON t.account_id = a.id WHERE t.sum <> a.cash"
    )
    assert wrong == [], "an account's transactions add up to its cash"


async def test_trades_and_bars_show_the_trade(venue: Venue) -> None:
    symbol, buyer, seller = await venue.instrument(), venue.user(), venue.user()
    for price, quantity in (("100", "4"), ("101", "2"), ("99", "2")):
        await venue.order(seller, symbol, side="sell", quantity=quantity, limit_price=price)
        await venue.order(buyer, symbol, quantity=quantity, limit_price=price)
    answer = await venue.call(buyer, "GET", f"{MARKET}/trades/{symbol}?source=exchange")
    tape = answer.json()["items"]
    assert [(t["price"], t["quantity"], t["aggressor"], t["source"]) for t in tape] == [
        ("99", "2", "buy", "exchange"),
        ("101", "2", "buy", "exchange"),
        ("100", "4", "buy", "exchange"),
    ]
    bars = (await venue.call(buyer, "GET", f"{MARKET}/bars/{symbol}?interval=1d&source=exchange")).json()[
        "items"
    ]
    assert len(bars) in (1, 2)  # midnight may pass
    if len(bars) == 1:
        (bar,) = bars
        shown = [bar[name] for name in ("open", "high", "low", "close", "volume", "vwap", "trades")]
        assert shown == ["100", "101", "99", "99", "8", "100", 3]
