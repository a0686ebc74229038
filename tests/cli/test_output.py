"""How amounts are shown: nothing rounded, nothing lost."""

import pytest

from cift.cli import output


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("13.9", "13.90"),
        ("100000", "100,000.00"),
        ("0.000001", "0.000001"),
        ("-1234.5", "-1,234.50"),
        ("167.437451153", "167.437451153"),
    ],
)
def test_money_has_two_decimals_at_least_and_all_it_came_with(given: str, shown: str) -> None:
    assert output.padded(given) == shown


def test_gains_are_green_losses_red_and_nothing_is_neither() -> None:
    column = output.signed("p", "p")
    styles = [getattr(column.show(value), "style", None) for value in ("5", "-0.01", "0", "0.00", "-0")]
    assert styles == ["green", "red", "", "", ""]
