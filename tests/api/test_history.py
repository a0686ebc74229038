"""The equity curve of an account over HTTP."""

from tests.venue import Venue, number, refusal


async def test_the_curve_shows_profit_without_transfers(venue: Venue) -> None:
    symbol, user, maker = await venue.instrument(), venue.user(), venue.user()
    await venue.order(maker, symbol, side="sell", quantity="10", limit_price="100")
    await venue.market(user, symbol, "buy", "10")
    await venue.print(symbol, "103")
    body = {"amount": "500"}
    deposited = await venue.call(user, "POST", "/api/v1/trading/account/deposit", body)
    assert deposited.status_code == 201
    history = await venue.get(user, "portfolio/history", interval="1m")
    last = history["items"][-1]
    assert (number(last["equity"]), number(last["profit"])) == (100_530, 30)
    assert number(history["base"]) in (100_000, 100_500)  # the deposits may fall into one minute
    daily = await venue.get(user, "portfolio/history")
    assert daily["items"][-1]["equity"] == last["equity"] and daily["interval"] == "1d"
    wrong = await venue.call(user, "GET", "/api/v1/trading/portfolio/history?start=x")
    refusal(wrong, 422, "invalid_time", "start")
