"""From HTTP to the engine and back: commands, views, keys, sentences. Pure."""

from typing import Any

import pytest
from pydantic import ValidationError

from cift.contracts.orders import NewOrder, OrderChange
from cift.contracts.refusals import REFUSALS
from cift.kernel.errors import Refused
from cift.kernel.money import NANOS
from cift.trading import refusals, rules

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
    assert "idempotency_key" not in rules.admit(new(), ACCOUNT, ID, None), "no key, no memory"


def test_legs_follow_the_id_of_their_entry() -> None:
    order = new(order_class="bracket", take_profit={"limit_price": "460"}, stop_loss={"stop_price": "440"})
    command = rules.admit(order, ACCOUNT, ID, None)
    assert command["order"] == ID[:-1] + "c"  # room for two legs
    profit, loss = rules.leg_ids(command["order"])
    assert command["class"] == {
        "bracket": {
            "take_profit": {"order": profit, "limit_price": 460 * NANOS},
            "stop_loss": {"order": loss, "stop_price": 440 * NANOS, "limit_price": None},
        }
    }
    assert len({command["order"], profit, loss}) == 3
    assert {id[14] for id in (profit, loss)} == {"7"}, "still UUIDv7"


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
    summary = {
        "order": ID,
        "status": "pending",
        "reason": None,
        "quantity": 10,
        "filled": 0,
        "filled_notional": 0,
    }
    assert rules.placed(command, summary, 0, 1).trail_percent == percent


def test_keys() -> None:
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
def test_no_float_and_nothing_that_is_no_number(field: str) -> None:
    for value in (1.5, True, "1e5", "NaN", "+1", " 1", "1,000", [], {}, "-1", "1.0000000001"):
        with pytest.raises(ValidationError):
            new(**{field: value})
    assert getattr(new(**{field: 7}), field) == 7 * NANOS
    assert getattr(new(**{field: "7.10"}), field) == 7_100_000_000


def test_what_does_not_fit_the_engine_is_refused_here() -> None:
    with pytest.raises(Refused) as refused:
        rules.admit(new(quantity="99999999999"), ACCOUNT, ID, None)
    assert (refused.value.code, refused.value.field) == ("quantity_out_of_range", "quantity")
    with pytest.raises(Refused) as refused:
        rules.replacement(OrderChange(stop_price="99999999999"), ACCOUNT, ID, None)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.field) == ("price_out_of_range", "stop_price")


@pytest.mark.parametrize("reason", REFUSALS)
def test_every_reason_has_a_sentence(reason: str) -> None:
    message, _ = refusals.explain(reason, rules.admit(new(), ACCOUNT, ID, None), {})
    assert message and message != reason and " " in message


def test_sentences_name_the_numbers() -> None:
    command = rules.admit(
        new(order_class="bracket", take_profit={"limit_price": "460.005"}, stop_loss={"stop_price": "440"}),
        ACCOUNT,
        ID,
        None,
    )
    facts = {"instruments": [{"symbol": "SPY", "tick": "0.01", "lot": "1", "band_ppm": 100_000}]}
    message, field = refusals.explain("price_not_on_tick", command, facts)
    assert field == "take_profit.limit_price"
    assert "460.005 is not a multiple of 0.01" in message
    message, field = refusals.explain("price_outside_band", command, {**facts, "quotes": [{"last": "400"}]})
    assert field == "limit_price" and "10 %" in message and "400" in message
    account = {"currency": "USD", "buying_power": "12.5", "limits": {"max_order_quantity": "5"}}
    message, _ = refusals.explain("insufficient_buying_power", command, {"account": account})
    assert "4493.10 USD" in message and "12.5 USD" in message
    message, field = refusals.explain("order_quantity_limit", command, {"account": account})
    assert "the limit is 5" in message and field == "quantity"
