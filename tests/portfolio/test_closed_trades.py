"""Closed trades by average cost and first in, first out."""

from datetime import UTC, datetime, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from cift.kernel.money import NANOS
from cift.portfolio.closed_trades import ClosedTrade, Fill, closed

START = datetime(2026, 11, 30, tzinfo=UTC)


def fills(*trades: tuple[int, int], fee: int = 0, symbol: str = "T") -> list[Fill]:
    """Fills of (signed quantity, price), with the ledger's average cost and its realized profit."""
    found, position, cost = [], 0, 0
    for number, (quantity, price) in zip(count(1), trades, strict=False):
        closing = min(abs(quantity), abs(position)) if quantity * position < 0 else 0
        sign = 1 if position > 0 else -1
        part = cost * closing // abs(position) if closing else 0
        realized = sign * closing * price - part if closing else 0
        opening = abs(quantity) - closing
        cost += -part + (opening if quantity > 0 else -opening) * price
        position += quantity
        found.append(
            Fill(
                sequence=number,
                entry=0,
                order_id=f"order {number}",
                symbol=symbol,
                side="buy" if quantity > 0 else "sell",
                price=price * NANOS,
                quantity=abs(quantity) * NANOS,
                fee=fee * NANOS,
                realized=realized * NANOS,
                position_after=position * NANOS,
                at=START + timedelta(minutes=number),
            )
        )
    return found


def short(trades: list[ClosedTrade]) -> list[tuple[str, int, int, int, int]]:
    """Side, quantity, entry price, exit price, profit, in units."""
    return [
        (
            each.side,
            each.quantity // NANOS,
            each.entry_price // NANOS,
            each.exit_price // NANOS,
            each.profit // NANOS,
        )
        for each in trades
    ]


def test_average_cost_closes_the_whole_position_and_fifo_its_oldest_part() -> None:
    made = fills((10, 100), (10, 110), (-10, 120), (-10, 120))
    assert short(list(closed(made, "average"))) == [("long", 10, 105, 120, 150)] * 2
    fifo = list(closed(made, "fifo"))
    assert short(fifo) == [("long", 10, 100, 120, 200), ("long", 10, 110, 120, 100)]
    assert [each.entry_at for each in fifo] == [made[0].at, made[1].at]
    assert {each.entry_at for each in closed(made, "average")} == {made[0].at}


def test_one_fill_can_close_several_entries_and_open_the_other_side() -> None:
    made = fills((5, 100), (5, 110), (-15, 120), (5, 90))
    fifo = list(closed(made, "fifo"))
    assert short(fifo) == [
        ("long", 5, 100, 120, 100),
        ("long", 5, 110, 120, 50),
        ("short", 5, 120, 90, 150),
    ]
    assert [(each.sequence, each.part) for each in fifo] == [(3, 0), (3, 1), (4, 0)]


def test_fees_of_both_ends_belong_to_the_trade() -> None:
    made = fills((10, 100), (-4, 110), (-6, 110), fee=10)
    found = list(closed(made, "fifo"))
    assert [each.fees // NANOS for each in found] == [4 + 10, 6 + 10]


def test_a_split_changes_open_entries_without_a_trade() -> None:
    before, after = fills((10, 100)), fills((20, 50), (-20, 60))[1:]
    for method in ("average", "fifo"):
        found = list(closed([*before, *after], method))  # type: ignore[arg-type]
        assert short(found) == [("long", 20, 50, 60, 200)]


def test_a_reset_drops_open_entries_without_a_trade() -> None:
    made = [*fills((10, 100)), *fills((5, 50), (-5, 60))]
    assert short(list(closed(made, "fifo"))) == [("long", 5, 50, 60, 50)]


def test_symbols_are_apart() -> None:
    made = [*fills((10, 100), symbol="A"), *fills((-10, 100), symbol="B")]
    assert list(closed(made, "average")) == []


@given(st.lists(st.tuples(st.integers(-20, 20).filter(bool), st.integers(1, 1_000)), min_size=1, max_size=40))
def test_both_methods_have_the_same_sum_when_the_position_is_flat(trades: list[tuple[int, int]]) -> None:
    rest = -sum(quantity for quantity, _ in trades)
    made = fills(*trades, *([(rest, 500)] if rest else []))
    average, fifo = list(closed(made, "average")), list(closed(made, "fifo"))
    spent = sum((-1 if each.side == "buy" else 1) * each.price * (each.quantity // NANOS) for each in made)
    assert sum(each.profit for each in fifo) == spent
    assert abs(sum(each.profit for each in average) - spent) <= len(made) * NANOS  # the test's own rounding
    assert sum(each.quantity for each in fifo) == sum(each.quantity for each in average)
