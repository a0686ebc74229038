"""Decimal strings convert to nanos and back exactly; other texts are refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift.kernel.errors import Refused
from cift.kernel.money import format_nanos, parse_nanos


@given(st.integers(min_value=-(10**28), max_value=10**28))
def test_a_formatted_amount_parses_back(nanos: int) -> None:
    text = format_nanos(nanos)
    assert parse_nanos(text, "x", signed=True) == nanos
    assert Decimal(text) * 10**9 == nanos


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0", 0),
        ("-0", 0),
        ("1", 10**9),
        (7, 7 * 10**9),
        ("449.31", 449_310_000_000),
        ("0.000000001", 1),
        ("0.1000000000000", 100_000_000),
        ("007.50", 7_500_000_000),
    ],
)
def test_plain_decimals(text: str | int, nanos: int) -> None:
    assert parse_nanos(text, "price") == nanos


@pytest.mark.parametrize(
    "text",
    ["", " 1", "1 ", "+1", ".5", "5.", "1e3", "1E3", "NaN", "nan", "Infinity", "-1", "1,000", "0x10", "1_000"]
    + ["0.0000000001", "1.2.3", "--1", "١", "½", "9" * 21, "9" * 5000, True, False, 1.5, None],
)
def test_everything_else_is_refused_with_its_field(text: object) -> None:
    with pytest.raises(Refused) as refused:
        parse_nanos(text, "limit_price")  # type: ignore[arg-type]
    assert refused.value.code == "invalid_number"
    assert refused.value.field == "limit_price"


def test_amounts_of_money_show_their_cents() -> None:
    assert format_nanos(100_000 * 10**9, 2) == "100000.00"
    assert format_nanos(-1_500_000_000, 2) == "-1.50"
    assert format_nanos(1, 2) == "0.000000001"
