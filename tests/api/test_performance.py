"""Closed trades, performance and statements over HTTP."""

import csv
import io
from datetime import UTC, datetime

from tests.target import User
from tests.venue import Venue, number, refusal

PERFORMANCE = "/api/v1/trading/portfolio/performance"
STATEMENTS = "/api/v1/trading/statements"


async def _traded(venue: Venue) -> tuple[str, User]:
    """A user that bought 10 at 100 and 10 at 101, and sold 15 at 102: 5 are left, at an average of 100.50."""
    symbol, user, maker = await venue.instrument(), venue.user(), venue.user()
    for side, price in (("sell", "100"), ("sell", "101"), ("buy", "102")):
        if side == "buy":
            await venue.order(maker, symbol, side=side, quantity="15", limit_price=price)
            await venue.market(user, symbol, "sell", "15")
        else:
            await venue.order(maker, symbol, side=side, quantity="10", limit_price=price)
            await venue.market(user, symbol, "buy", "10")
    return symbol, user


async def test_closed_trades_by_both_methods(venue: Venue) -> None:
    async with venue.fees(0, 1_000):
        symbol, user = await _traded(venue)
    (average,) = (await venue.get(user, "closed-trades"))["items"]
    assert (average["symbol"], average["side"], average["quantity"]) == (symbol, "long", "15")
    assert (average["entry_price"], average["exit_price"], average["profit"]) == ("100.5", "102", "22.5")
    assert number(average["fees"]) == number("1.5075") + number("1.53")
    assert number(average["net_profit"]) == number(average["profit"]) - number(average["fees"])
    first = await venue.get(user, "closed-trades", method="fifo", symbol=symbol, limit=1)
    second = await venue.get(user, "closed-trades", method="fifo", limit=1, cursor=first["next_cursor"])
    assert second["next_cursor"] is None
    assert [
        (each["quantity"], each["entry_price"], each["profit"])
        for each in (*second["items"], *first["items"])
    ] == [("10", "100", "20"), ("5", "101", "5")]
    wrong = await venue.call(user, "GET", "/api/v1/trading/closed-trades?cursor=eA")
    refusal(wrong, 422, "invalid_cursor")


async def test_performance_has_the_ledgers_sums(venue: Venue) -> None:
    symbol, user = await _traded(venue)
    await venue.print(symbol, "102")
    found = await venue.get(user, "portfolio/performance")
    portfolio = await venue.get(user, "portfolio")
    assert number(found["base"]) == 100_000
    assert found["profit"] == "30" == format(number(portfolio["equity"]) - 100_000, "f")
    assert found["return_percent"] == "0.0300"
    trades = found["trades"]
    assert (trades["fills"], trades["closed_trades"], trades["won"]) == (3, 1, 1)
    assert trades["realized"] == portfolio["realized_pnl"] and trades["win_rate_percent"] == "100.0000"
    assert number(trades["volume"]) == 1_000 + 1_010 + 1_530
    assert [each["symbol"] for each in found["symbols"]] == [symbol]
    assert sum(number(day["profit"]) for day in found["days"]) == 30
    assert sum(day["fills"] for day in found["days"]) == 3
    assert found["days"][-1]["equity"] == portfolio["equity"]
    for query, code in (("start=x", "invalid_time"), ("start=2200-01-01T00:00:00Z", "invalid_range")):
        refusal(await venue.call(user, "GET", f"{PERFORMANCE}?{query}"), 422, code)


async def test_a_statement_adds_up_and_can_be_printed(venue: Venue) -> None:
    symbol, user = await _traded(venue)
    await venue.print(symbol, "102")
    month = datetime.now(UTC).strftime("%Y-%m")
    found = await venue.get(user, f"statements/{month}")
    assert not found["complete"]
    opening, closing = number(found["opening_equity"]), number(found["closing_equity"])
    assert closing == opening + number(found["transfers"]) + number(found["profit"])
    assert (opening, number(found["transfers"]), number(found["profit"])) == (0, 100_000, 30)
    assert [each["symbol"] for each in found["positions"]] == [symbol]
    assert (found["positions"][0]["quantity"], found["positions"][0]["value"]) == ("5", "510")
    assert number(found["closing_cash"]) + 510 == closing
    assert len(found["closed_trades"]) == 1

    file = await venue.call(user, "GET", f"{STATEMENTS}/{month}/file?format=csv")
    assert file.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert sum(number(row["amount"]) for row in rows) == number(found["closing_cash"])
    assert rows[-1]["cash"] == found["closing_cash"]

    page = await venue.call(user, "GET", f"{STATEMENTS}/{month}/file")
    assert page.headers["content-type"].startswith("text/html")
    assert symbol in page.text and found["closing_equity"] in page.text
    assert "<script" not in page.text and "http" not in page.text

    for period, status, code in (
        ("2026-13", 422, "invalid_period"),
        ("2999-01", 404, "statement_not_found"),
        ("1999-01-01", 404, "statement_not_found"),
    ):
        refusal(await venue.call(user, "GET", f"{STATEMENTS}/{period}"), status, code)
