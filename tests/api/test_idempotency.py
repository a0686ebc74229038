"""A repeated key with the same body returns the first result; with another body, 409.

For place, replace, cancel, cancel-all, deposit, withdraw and reset, refusals included."""

import asyncio

import pytest

from tests.venue import TRADING, Venue, refusal


async def test_a_repeated_order_is_placed_once(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    first = await venue.try_order(user, symbol, client_order_id="bot-1")
    again = await venue.try_order(user, symbol, client_order_id="bot-1")
    assert (again.status_code, again.json()) == (201, first.json())
    body = {"symbol": symbol, "side": "buy", "type": "limit", "quantity": "10", "limit_price": "100"}
    by_header = await venue.call(user, "POST", f"{TRADING}/orders", body, {"Idempotency-Key": "bot-1"})
    assert (by_header.status_code, by_header.json()) == (201, first.json())
    conflict = refusal(
        await venue.try_order(user, symbol, client_order_id="bot-1", quantity="11"),
        409,
        "idempotency_conflict",
    )
    assert conflict["id"] == first.json()["id"]
    assert len((await venue.get(user, "orders"))["items"]) == 1


async def test_the_first_result_is_returned_after_the_order_has_changed(venue: Venue) -> None:
    symbol, user, other = await venue.instrument(), venue.user(), venue.user()
    first = await venue.try_order(
        user, symbol, client_order_id="x", order_class="oto", stop_loss={"stop_price": "9"}
    )
    await venue.order(other, symbol, side="sell")
    again = await venue.try_order(
        user, symbol, client_order_id="x", order_class="oto", stop_loss={"stop_price": "9"}
    )
    assert (again.status_code, again.json()) == (201, first.json())
    assert (await venue.get_order(user, first.json()["id"]))["status"] == "filled"


async def test_simultaneous_orders_with_one_key_are_one_order(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    answers = await asyncio.gather(
        *(venue.try_order(user, symbol, client_order_id="same") for _ in range(20))
    )
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1
    assert len((await venue.get(user, "orders"))["items"]) == 1


async def test_a_lasting_refusal_is_repeated(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    first = refusal(
        await venue.try_order(user, symbol, client_order_id="r", quantity="0.5"),
        422,
        "quantity_not_on_lot",
    )
    again = refusal(
        await venue.try_order(user, symbol, client_order_id="r", quantity="0.5"),
        422,
        "quantity_not_on_lot",
    )
    assert again["id"] == first["id"]
    assert (await venue.get_order(user, first["id"]))["status"] == "rejected"


async def test_an_order_refused_for_a_passing_reason_can_be_sent_again(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    first = refusal(
        await venue.try_order(user, symbol, client_order_id="r", quantity="3000"),
        422,
        "insufficient_buying_power",
    )
    assert "id" not in first, "the refused order is not kept"
    await venue.call(user, "POST", f"{TRADING}/account/deposit", {"amount": "1000000"})
    assert (await venue.order(user, symbol, client_order_id="r", quantity="3000"))["status"] == "new"


async def test_accounts_have_separate_keys(venue: Venue) -> None:
    symbol, one, two = await venue.instrument(), venue.user(), venue.user()
    first = await venue.order(one, symbol, client_order_id="k")
    second = await venue.order(two, symbol, client_order_id="k", quantity="3")
    assert first["id"] != second["id"]


async def test_header_and_body_must_agree(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    body = {"symbol": symbol, "side": "buy", "type": "market", "quantity": "1", "client_order_id": "a"}
    answer = await venue.call(user, "POST", f"{TRADING}/orders", body, {"Idempotency-Key": "b"})
    refusal(answer, 422, "idempotency_key_mismatch", "client_order_id")
    answer = await venue.call(user, "POST", f"{TRADING}/orders", body, {"Idempotency-Key": "not a key"})
    refusal(answer, 422, "invalid_request")


async def test_repeated_replace_and_cancel_return_the_first_result(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    path = f"{TRADING}/orders/{(await venue.order(user, symbol))['id']}"
    key = {"Idempotency-Key": "change-1"}
    first = await venue.call(user, "PATCH", path, {"quantity": "6"}, key)
    await venue.call(user, "PATCH", path, {"quantity": "5"})
    again = await venue.call(user, "PATCH", path, {"quantity": "6"}, key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    refusal(await venue.call(user, "PATCH", path, {"quantity": "4"}, key), 409, "idempotency_conflict")
    key = {"Idempotency-Key": "cancel-1"}
    first = await venue.call(user, "DELETE", path, headers=key)
    again = await venue.call(user, "DELETE", path, headers=key)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    other = await venue.order(user, symbol)
    refusal(
        await venue.call(user, "DELETE", f"{TRADING}/orders/{other['id']}", headers=key),
        409,
        "idempotency_conflict",
    )


async def test_a_repeated_cancel_all_returns_the_first_result(venue: Venue) -> None:
    symbol, user = await venue.instrument(), venue.user()
    await venue.order(user, symbol)
    key = {"Idempotency-Key": "all-1"}
    assert (await venue.call(user, "DELETE", f"{TRADING}/orders", headers=key)).json() == {"canceled": 1}
    await venue.order(user, symbol)
    assert (await venue.call(user, "DELETE", f"{TRADING}/orders", headers=key)).json() == {"canceled": 1}
    assert len((await venue.get(user, "orders", status="open"))["items"]) == 1


@pytest.mark.parametrize(
    ("verb", "body", "other"),
    [
        ("deposit", {"amount": "25.50"}, {"amount": "25.51"}),
        ("withdraw", {"amount": "10"}, {"amount": "11"}),
        ("reset", {"cash": "5000"}, {"cash": "5001"}),
    ],
)
async def test_a_repeated_transfer_is_applied_once(
    venue: Venue, verb: str, body: dict[str, str], other: dict[str, str]
) -> None:
    user = venue.user()
    key = {"Idempotency-Key": "money-1"}
    path = f"{TRADING}/account/{verb}"
    first = await venue.call(user, "POST", path, body, key)
    assert first.status_code == 201, first.text
    again = await venue.call(user, "POST", path, body, key)
    assert (again.status_code, again.json()) == (201, first.json())
    refusal(await venue.call(user, "POST", path, other, key), 409, "idempotency_conflict")
    assert (await venue.get(user, "portfolio"))["cash"] == first.json()["cash"]
    assert len((await venue.get(user, "transactions"))["items"]) == 2
