"""Bodies of requests: JSON numbers are read exactly, and words of an order in any case."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from cift.contracts.accounts import CashAmount
from cift.contracts.admin import AccountLimits
from cift.contracts.orders import NewOrder, OrderChange
from cift.host.call import invalid
from cift.host.request_body import parse_body
from cift.kernel.errors import Refused


def order(**changed: Any) -> NewOrder:
    return parse_body(NewOrder, json.dumps({**_ORDER, **changed}).encode())


_ORDER = {"symbol": "SPY", "side": "buy", "type": "limit", "quantity": "10", "limit_price": "167.10"}


@pytest.mark.parametrize(
    ("number", "nanos"),
    [
        (b"10", 10_000_000_000),
        (b"10.0", 10_000_000_000),
        (b"167.10", 167_100_000_000),
        (b"0.1", 100_000_000),
        (b"0.000000001", 1),
        (b"1e-9", 1),
        (b"1.5E2", 150_000_000_000),
        (b"0.100000000000", 100_000_000),
        # As floats these two are 9007199254740992.0 and 123456789.12345679.
        (b"9007199254740993.0", 9_007_199_254_740_993_000_000_000),
        (b"123456789.123456789", 123_456_789_123_456_789),
    ],
)
def test_a_json_number_is_read_exactly_and_never_as_a_float(number: bytes, nanos: int) -> None:
    assert parse_body(CashAmount, b'{"amount": ' + number + b"}").amount == nanos


@pytest.mark.parametrize(
    "number",
    [
        b"-10.5",
        b"0.0000000001",
        b"1e-10",
        b"1e21",
        b"1e999999999",
        b"1e9999999999999999999",
        b"1" * 5_000 + b".5",
        b"NaN",
        b"-Infinity",
        b"1e400",
        b"true",
    ],
)
def test_a_number_that_is_no_amount_is_refused_with_its_field(number: bytes) -> None:
    with pytest.raises((ValidationError, Refused)) as refused:
        parse_body(CashAmount, b'{"amount": ' + number + b"}")
    error = refused.value
    answer = invalid(error) if isinstance(error, ValidationError) else error
    assert answer.code in ("invalid_request", "invalid_json")
    assert answer.field in ("amount", None)


def test_all_amounts_of_a_body_may_be_numbers() -> None:
    body = b"""{"symbol": "SPY", "side": "buy", "type": "limit", "quantity": 10.0, "limit_price": 167.10,
        "order_class": "bracket", "take_profit": {"limit_price": 170.25}, "stop_loss": {"stop_price": 160}}"""
    placed = parse_body(NewOrder, body)
    assert (placed.quantity, placed.limit_price) == (10_000_000_000, 167_100_000_000)
    assert placed.take_profit is not None
    assert placed.stop_loss is not None
    assert (placed.take_profit.limit_price, placed.stop_loss.stop_price) == (170_250_000_000, 160_000_000_000)
    assert parse_body(OrderChange, b'{"trail_percent": 1.5}').trail_percent == 1_500_000_000
    assert (
        parse_body(AccountLimits, b'{"max_position": 2.5, "max_open_orders": 5}').max_position
        == 2_500_000_000
    )


def test_a_number_with_decimals_does_not_excuse_another_error() -> None:
    with pytest.raises(ValidationError) as refused:
        parse_body(NewOrder, json.dumps({**_ORDER, "quantity": 1.5, "typo": 1}).encode())
    assert invalid(refused.value).field == "typo"
    with pytest.raises(ValidationError) as refused:
        parse_body(NewOrder, json.dumps({**_ORDER, "quantity": 1.5, "symbol": 1.5}).encode())
    assert invalid(refused.value).field == "symbol"


def test_words_of_an_order_may_be_in_upper_case() -> None:
    placed = order(side="BUY", type="Limit", time_in_force="GTC", self_trade_prevention="Cancel_Both")
    assert (placed.side, placed.type, placed.time_in_force) == ("buy", "limit", "gtc")
    assert placed.self_trade_prevention == "cancel_both"
    with pytest.raises(ValidationError) as refused:
        order(side="HOLD")
    assert invalid(refused.value).field == "side"


def test_order_type_is_another_name_of_type() -> None:
    body = {name: value for name, value in _ORDER.items() if name != "type"}
    assert parse_body(NewOrder, json.dumps({**body, "order_type": "LIMIT"}).encode()).type == "limit"
    assert order(order_type="Limit").type == "limit", "both, and the same"
    with pytest.raises(ValidationError) as refused:
        order(order_type="stop")
    answer = invalid(refused.value)
    assert answer.field == "order_type"
    assert answer.message == "order_type and type are two names of one field: 'stop' and 'limit' differ"
    with pytest.raises(ValidationError) as refused:
        parse_body(NewOrder, json.dumps(body).encode())
    assert invalid(refused.value).field == "type"


def test_the_schema_shows_what_is_accepted() -> None:
    schema = NewOrder.model_json_schema()
    assert {"required": ["order_type"]} in schema["anyOf"]
    assert "type" not in schema["required"]
    assert {"type": "number", "minimum": 0} in schema["properties"]["quantity"]["anyOf"]
    assert schema["properties"]["side"]["enum"] == ["buy", "sell"]
    assert "upper" in schema["properties"]["side"]["description"]
