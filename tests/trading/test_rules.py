"""Requests become commands, results become views, refusals become sentences. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest
from pydantic import ValidationError

from cift.contracts.orders import NewOrder, OrderChange
from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import Refused
from cift.kernel.money import NANOS
from cift.trading import refusals, rules

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

ACCOUNT = "01a1fd25-0000-7000-8000-00000000000a"
ID = "01a1fd25-625f-7000-a0cf-484b528e496f"


def new(**changed: Any) -> NewOrder:
    return NewOrder.model_validate(
        {
            "symbol": "spy",
            "side": "buy",
            "type": "limit",
            "quantity": "10",
            "limit_price": "449.31",
            **changed,
        }
    )


def test_a_limit_order_becomes_a_command() -> None:
    command = rules.admit(new(client_order_id="k"), ACCOUNT, ID, "k")
    assert command["symbol"] == "SPY"
    assert (command["quantity"], command["limit_price"]) == (10 * NANOS, 449_310_000_000)
    assert (command["client_order_id"], command["idempotency_key"]) == ("k", "k")
    assert (command["class"], command["trail"], command["time_in_force"]) == ("simple", None, "day")
    assert rules.admit(new(), ACCOUNT, ID, None)["idempotency_key"] is None


def test_the_ids_of_legs_follow_the_id_of_their_order() -> None:
    order = new(order_class="bracket", take_profit={"limit_price": "460"}, stop_loss={"stop_price": "440"})
    command = rules.admit(order, ACCOUNT, ID, None)
    assert command["order"] == ID[:-1] + "c"  # space for two legs
    profit, loss = rules.leg_ids(command["order"])
    assert command["class"] == {
        "bracket": {
            "take_profit": {"order": profit, "limit_price": 460 * NANOS},
            "stop_loss": {"order": loss, "stop_price": 440 * NANOS, "limit_price": None},
        }
    }
    assert len({command["order"], profit, loss}) == 3
    assert {id[14] for id in (profit, loss)} == {"7"}, "they are UUIDv7 too"


def test_the_order_of_an_oco_is_its_take_profit() -> None:
    oco = {"order_class": "oco", "side": "sell", "stop_loss": {"stop_price": "440"}}
    one = rules.admit(new(**oco), ACCOUNT, ID, None)
    other = rules.admit(
        new(**oco, limit_price=None, take_profit={"limit_price": "449.31"}), ACCOUNT, ID, None
    )
    assert one == other
    with pytest.raises(Refused, match="give one"):
        rules.admit(new(**oco, take_profit={"limit_price": "450"}), ACCOUNT, ID, None)


@pytest.mark.parametrize(
    ("percent", "ppm"), [("1", 10_000), ("0.0001", 1), ("99.9999", 999_999), ("2.5", 25_000)]
)
def test_percent_is_parts_per_million(percent: str, ppm: int) -> None:
    order = new(type="trailing_stop", limit_price=None, trail_percent=percent)
    command = rules.admit(order, ACCOUNT, ID, None)
    assert command["trail"] == ("ppm", ppm)
    summary: messages.OrderSummary = {
        "order": ID,
        "status": "pending",
        "reason": None,
        "quantity": 10,
        "filled": 0,
        "filled_notional": 0,
    }
    assert rules.placed(command, summary, 0, 1).trail_percent == percent


def test_client_order_id_and_idempotency_key_are_one_key() -> None:
    assert rules.client_key(None, None) is None
    assert rules.client_key("a", None) == rules.client_key(None, "a") == rules.client_key("a", "a") == "a"
    with pytest.raises(Refused):
        rules.client_key("a", "b")


@pytest.mark.parametrize(
    ("notional", "filled", "average"),
    [
        (1000 * NANOS, 10 * NANOS, "100"),
        (100 * NANOS, 3 * NANOS, "33.333333333"),
        (200 * NANOS, 3 * NANOS, "66.666666667"),
        (0, 0, None),
    ],
)
def test_average_price(notional: int, filled: int, average: str | None) -> None:
    assert rules.average(notional, filled) == average


@pytest.mark.parametrize(
    "field", ["quantity", "limit_price", "stop_price", "display_quantity", "trail_amount"]
)
def test_an_amount_that_is_not_a_plain_decimal_is_rejected(field: str) -> None:
    for value in (1.5, True, "1e5", "NaN", "+1", " 1", "1,000", [], {}, "-1", "1.0000000001"):
        with pytest.raises(ValidationError):
            new(**{field: value})
    assert getattr(new(**{field: 7}), field) == 7 * NANOS
    assert getattr(new(**{field: "7.10"}), field) == 7_100_000_000


def test_numbers_beyond_64_bits_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        rules.admit(new(quantity="99999999999"), ACCOUNT, ID, None)
    assert (refused.value.code, refused.value.field) == ("quantity_out_of_range", "quantity")
    with pytest.raises(Refused) as refused:
        rules.replacement(OrderChange(stop_price="99999999999"), ACCOUNT, ID, None)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.field) == ("price_out_of_range", "stop_price")


@pytest.mark.parametrize("reason", REFUSALS)
def test_every_reason_has_a_sentence(reason: str) -> None:
    terms = refusals.terms_of(rules.admit(new(), ACCOUNT, ID, None))
    message, _ = refusals.explain(reason, terms, refusals.Facts())
    assert message and message != reason and " " in message


def test_sentences_contain_the_numbers() -> None:
    command = rules.admit(
        new(order_class="bracket", take_profit={"limit_price": "460.005"}, stop_loss={"stop_price": "440"}),
        ACCOUNT,
        ID,
        None,
    )
    terms = refusals.terms_of(command)
    instrument = {"symbol": "SPY", "tick": "0.01", "lot": "1", "band_ppm": 100_000}
    facts = refusals.Facts(instrument=cast("messages.ListedInstrument", instrument), last="400")
    message, field = refusals.explain("price_not_on_tick", terms, facts)
    assert field == "take_profit.limit_price"
    assert "460.005 is not a multiple of 0.01" in message
    message, field = refusals.explain("price_outside_band", terms, facts)
    assert field == "limit_price" and "10 %" in message and "400" in message
    account = {"currency": "USD", "buying_power": "12.5", "limits": {"max_order_quantity": "5"}}
    facts = refusals.Facts(account=cast("messages.AccountAnswer", {"account": account, "positions": []}))
    message, _ = refusals.explain("insufficient_buying_power", terms, facts)
    assert "4493.10 USD" in message and "12.5 USD" in message
    message, field = refusals.explain("order_quantity_limit", terms, facts)
    assert "the limit is 5" in message and field == "quantity"


def test_a_repeated_request_shows_the_first_order_and_its_legs() -> None:
    order = new(order_class="bracket", take_profit={"limit_price": "460"}, stop_loss={"stop_price": "440"})
    command = rules.admit(order, ACCOUNT, ID, "k")
    first = rules.entry_id("01a1fd25-625f-7000-a0cf-484b528e4000")
    summary: messages.OrderSummary = {
        "order": first,
        "status": "partially_filled",
        "reason": None,
        "quantity": 10 * NANOS,
        "filled": 4 * NANOS,
        "filled_notional": 1797 * NANOS,
    }
    view = rules.placed(command, summary, 1_795_000_000_000_000_000, 7)
    assert (view.id, view.legs) == (first, list(rules.leg_ids(first)))
    assert (view.filled_quantity, view.remaining_quantity, view.average_fill_price) == ("4", "6", "449.25")
    assert (view.client_order_id, view.order_class, view.sequence) == ("k", "bracket", 7)
