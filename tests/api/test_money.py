"""Deposit, withdrawal and reset of paper money."""

from tests.venue import TRADING, Venue, new_id, refusal


async def test_deposit_and_withdraw(venue: Venue) -> None:
    user = venue.user()
    answer = await venue.call(user, "POST", f"{TRADING}/account/deposit", {"amount": "2500.55"})
    view = answer.json()
    assert (answer.status_code, view["kind"], view["amount"], view["cash"]) == (
        201,
        "deposit",
        "2500.55",
        "102500.55",
    )
    answer = await venue.call(user, "POST", f"{TRADING}/account/withdraw", {"amount": 500})
    view = answer.json()
    assert (answer.status_code, view["kind"], view["amount"], view["cash"]) == (
        201,
        "withdrawal",
        "-500",
        "102000.55",
    )
    assert (await venue.get(user, "portfolio"))["cash"] == "102000.55"
    # A transfer is neither profit nor loss.
    assert (await venue.get(user, "portfolio"))["day_pnl"] == "0"
    listed = (await venue.get(user, "transactions", kind="withdrawal"))["items"]
    assert listed == [view]
    assert (await venue.get(user, "transactions", transfer_id=view["transfer_id"]))["items"] == [view]
    assert (await venue.get(user, "transactions", transfer_id=new_id()))["items"] == []
    refusal(
        await venue.call(user, "GET", f"{TRADING}/transactions?transfer_id=1"),
        422,
        "invalid_request",
        "transfer_id",
    )


async def test_only_the_withdrawable_amount_can_be_withdrawn(venue: Venue) -> None:
    user, symbol = venue.user(), await venue.instrument()
    await venue.order(user, symbol, quantity="1000")
    free = (await venue.get(user, "account/buying-power"))["withdrawable"]
    error = refusal(
        await venue.call(user, "POST", f"{TRADING}/account/withdraw", {"amount": "99999"}),
        422,
        "insufficient_cash",
    )
    assert free in error["message"]
    assert (
        await venue.call(user, "POST", f"{TRADING}/account/withdraw", {"amount": free})
    ).status_code == 201


async def test_reset_cancels_orders_removes_positions_and_sets_the_cash(venue: Venue) -> None:
    symbol, other, user = await venue.instrument(), venue.user(), venue.user()
    await venue.order(other, symbol, side="sell")
    await venue.market(user, symbol, "buy", "10")
    resting = await venue.order(user, symbol, limit_price="99")
    answer = await venue.call(user, "POST", f"{TRADING}/account/reset")
    assert answer.status_code == 201, answer.text
    assert (answer.json()["kind"], answer.json()["cash"]) == ("reset", "100000")
    order = await venue.get_order(user, resting["id"])
    assert (order["status"], order["reason"]) == ("canceled", "account_reset")
    portfolio = await venue.get(user, "portfolio")
    assert (portfolio["cash"], portfolio["equity"], portfolio["positions"]) == ("100000", "100000", [])
    assert (await venue.get(user, "positions"))["items"] == []
    again = await venue.call(user, "POST", f"{TRADING}/account/reset", {"cash": "100000"})
    assert (again.status_code, again.json()["amount"]) == (201, "0")


async def test_transactions_are_listed_in_pages(venue: Venue) -> None:
    user = venue.user()
    for cents in range(1, 6):
        await venue.call(user, "POST", f"{TRADING}/account/deposit", {"amount": f"0.0{cents}"})
    seen, query = [], {"limit": 2}
    while True:
        page = await venue.get(user, "transactions", **query)
        seen += [row["amount"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == ["0.05", "0.04", "0.03", "0.02", "0.01", "100000"]
