"""The arithmetic of a portfolio. Pure."""

from decimal import Decimal
from typing import Any

import pytest

from cift.portfolio import rules


@pytest.mark.parametrize(
    ("part", "of", "text"),
    [(Decimal("70"), Decimal("2000"), "3.50"), (Decimal("-5"), Decimal("-100"), "-5.00"), (1, 0, None)],
)
def test_percent(part: Decimal | int, of: Decimal | int, text: str | None) -> None:
    assert rules.percent(part, of) == text


def test_a_portfolio_adds_up() -> None:
    answer: Any = {
        "account": {
            "id": "a",
            "kind": "margin",
            "state": "active",
            "currency": "USD",
            "cash": "1000.5",
            "reserved": "0",
            "gross": "700",
            "equity": "1200.5",
            "buying_power": "1",
            "withdrawable": "1",
            "maintenance_margin": "175",
            "open_orders": 0,
            "daily_loss_baseline": "1100",
        },
        "positions": [
            {"symbol": "UP", "quantity": "3", "cost": "400", "mark": "150"},
            {"symbol": "SHORT", "quantity": "-2", "cost": "-300", "mark": "125"},
            {"symbol": "FLAT", "quantity": "0", "cost": "0", "mark": "1"},
            {"symbol": "UNMARKED", "quantity": "1", "cost": "0.000000001", "mark": None},
        ],
        "sequence": 9,
    }
    view = rules.portfolio(answer, [], {"realized": Decimal("7.10"), "fees": Decimal(0)})
    assert [p.symbol for p in view.positions] == ["SHORT", "UNMARKED", "UP"]
    assert view.market_value == "200.000000001"  # 450 - 250 + the cost of the position without a mark
    assert view.unrealized_pnl == "100"
    assert (view.day_pnl, view.realized_pnl, view.fees_paid) == ("100.5", "7.1", "0")
    short, _, up = view.positions
    assert (up.average_price, up.unrealized_pnl, up.unrealized_pnl_percent) == (
        "133.333333333",
        "50",
        "12.50",
    )
    assert (short.side, short.unrealized_pnl) == ("short", "50")
