"""Items as messages to clients: bars, and integers that JSON readers would round."""

from decimal import Decimal

import orjson
from hypothesis import given
from hypothesis import strategies as st

from cift.history import rules
from cift.streams import views


@given(st.lists(st.tuples(st.integers(1, 10**15), st.integers(1, 10**15)), min_size=1, max_size=5))
def test_a_bar_has_the_same_vwap_as_over_http(trades: list[tuple[int, int]]) -> None:
    """Prices and quantities in units of 1e-9."""
    bar = views.bar(
        (7, 3),
        {
            "sequence": 5,
            "index": 3,
            "timestamp": 1,
            "symbol": "SPY",
            "start": 0,
            "open": 1,
            "high": 1,
            "low": 1,
            "close": 1,
            "volume": sum(quantity for _, quantity in trades),
            "turnover": sum(price * quantity for price, quantity in trades),
            "trades": len(trades),
        },
    )
    notional = Decimal(sum(p * q for p, q in trades)).scaleb(-18)
    volume = sum(quantity for _, quantity in trades) * Decimal(1).scaleb(-9)
    assert Decimal(bar.body["vwap"]) == rules.vwap(notional, volume)
    assert (bar.body["id"], bar.body["start"]) == ("7:3", "1970-01-01T00:00:00.000000Z")


@given(st.integers(-(2**63), 2**64 - 1))
def test_an_integer_beyond_2_53_is_a_string(number: int) -> None:
    body = {"type": "trade", "nested": [{"trade_id": number}], "yes": True}
    read = orjson.loads(views.dumps(body))
    expected = number if abs(number) <= 2**53 - 1 else str(number)
    assert read["nested"][0]["trade_id"] in (expected, number if abs(number) == 2**53 else expected)
    assert int(read["nested"][0]["trade_id"]) == number and read["yes"] is True
