"""Requests run as people write them: `order_type`, JSON numbers with decimals, words in upper case."""

from tests.venue import TRADING, Venue, refusal


async def test_an_order_with_numbers_and_upper_case_words_is_placed(venue: Venue) -> None:
    user, symbol = venue.user(), await venue.instrument("167")
    body = {
        "symbol": symbol.lower(),
        "side": "BUY",
        "order_type": "Limit",
        "quantity": 10.0,
        "limit_price": 167.10,
        "time_in_force": "GTC",
    }
    answer = await venue.call(user, "POST", f"{TRADING}/orders", body)
    order = answer.json()
    assert answer.status_code == 201, answer.text
    assert (order["symbol"], order["side"], order["type"], order["time_in_force"]) == (
        symbol,
        "buy",
        "limit",
        "gtc",
    )
    assert (order["quantity"], order["limit_price"]) == ("10", "167.1")
    changed = await venue.call(user, "PATCH", f"{TRADING}/orders/{order['id']}", {"limit_price": 166.95})
    assert (changed.status_code, changed.json()["limit_price"]) == (200, "166.95")


async def test_the_same_order_in_both_forms_is_one_order(venue: Venue) -> None:
    user, symbol = venue.user(), await venue.instrument("167")
    first = await venue.order(user, symbol, limit_price="167.10", client_order_id="one")
    again = await venue.order(
        user, symbol, side="Buy", order_type="LIMIT", quantity=10.0, limit_price=167.10, client_order_id="one"
    )
    assert again["id"] == first["id"]


async def test_risk_is_checked_in_the_same_forms(venue: Venue) -> None:
    user, symbol = venue.user(), await venue.instrument("100")
    body = {"symbol": symbol, "side": "SELL", "order_type": "MARKET", "quantity": 2.0}
    answer = await venue.call(user, "POST", f"{TRADING}/risk/check", body)
    assert (answer.status_code, answer.json()["admitted"]) == (200, True), answer.text
    size = await venue.get(
        user, f"risk/max-order-size/{symbol}", side="BUY", type="Limit", limit_price="100.5"
    )
    assert (size["side"], size["type"]) == ("buy", "limit")


async def test_money_may_be_a_json_number(venue: Venue) -> None:
    user = venue.user()
    answer = await venue.call(user, "POST", f"{TRADING}/account/deposit", {"amount": 2500.55})
    assert (answer.status_code, answer.json()["amount"]) == (201, "2500.55"), answer.text
    answer = await venue.call(user, "POST", f"{TRADING}/account/withdraw", {"amount": 0.10})
    assert (answer.status_code, answer.json()["cash"]) == (201, "102500.45"), answer.text
    answer = await venue.call(user, "POST", f"{TRADING}/account/reset", {"cash": 50000.5})
    assert (answer.status_code, answer.json()["cash"]) == (201, "50000.5"), answer.text
    refusal(
        await venue.call(user, "POST", f"{TRADING}/account/deposit", {"amount": 0.0000000001}),
        422,
        "invalid_request",
        "amount",
    )
