"""Amounts are printed without rounding, and tables without cut text."""

import io
from typing import Any

import pytest
from rich.console import Console

from cift.cli import market, orders, output


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
def test_money_has_at_least_two_decimals_and_is_not_rounded(given: str, shown: str) -> None:
    assert output.padded(given) == shown


def test_profits_are_green_losses_red_and_zero_is_plain() -> None:
    column = output.signed("p", "p")
    styles = [getattr(column.show(value), "style", None) for value in ("5", "-0.01", "0", "0.00", "-0")]
    assert styles == ["green", "red", "", "", ""]


def test_a_long_name_is_wrapped_and_not_cut() -> None:
    row: dict[str, Any] = {
        "symbol": "IBM",
        "name": "International Business Machines Corporation",
        "currency": "USD",
        "tick": "0.01",
        "lot": "1",
        "band_percent": "10",
        "collar_percent": "2",
        "halted": False,
        "last": "167.41",
    }
    shown = io.StringIO()
    Console(width=80, file=shown).print(output.table([row], market.SYMBOL_COLUMNS, ""))
    first, *more = shown.getvalue().partition("IBM")[2].splitlines()
    assert first.split()[1:] == ["USD", "0.01", "1", "10", "2", "False", "167.41"]
    assert first.split()[0] + "".join("".join(more).split()) == row["name"].replace(" ", "")


def test_a_list_wider_than_the_terminal_is_lines_and_not_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {column.key: "x" * 9 for column in orders.LIST_COLUMNS}
    row |= {"id": "01936f2a-7c1e-7000-8000-0123456789ab", "created_at": "2024-03-08T15:00:00Z"}
    row |= {"reason": None, "average_fill_price": "13.9"}
    out = io.StringIO()
    monkeypatch.setattr(output, "console", Console(width=80, file=out))
    output.show_list([row, row], orders.LIST_COLUMNS, "", as_json=False)
    lines = out.getvalue().splitlines()
    assert lines[0] == row["id"] and lines.count(row["id"]) == 2, "the id can be copied"
    assert max(map(len, lines)) <= 80 and "average 13.90" in out.getvalue() and "…" not in out.getvalue()
