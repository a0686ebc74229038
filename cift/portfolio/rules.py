"""Views of money and positions, and the arithmetic of a portfolio in nanos. Pure.

Equity is the engine's: cash + sum of quantity x mark, where a position without a mark counts its cost.
Unrealised profit = quantity x mark - cost, with a signed cost. Realised profit is the sum over fills, against
cost and without fees (rust_core/RULES.md, section 2).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from cift.contracts.accounts import BuyingPowerView, PortfolioView, PositionView, TransactionView
from cift.contracts.amounts import decimal_text, required_text
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.money import NANOS, format_nanos, parse_nanos
from cift.platform.columns import viewer_of_columns
from cift.portfolio.rows import Transaction

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

Row = Any


def side_of(quantity: Decimal | int) -> Literal["long", "short", "flat"]:
    """long, short or flat."""
    return "long" if quantity > 0 else "short" if quantity < 0 else "flat"


def percent(part: Decimal | int, of: Decimal | int) -> str | None:
    """`part` in percent of |of|, to two decimals; None where `of` is 0."""
    if not of:
        return None
    return format(round(Decimal(part) * 100 / abs(Decimal(of)), 2), "f")


def position_view(row: Row) -> PositionView:
    """The view of a position in the read model, at the last price: for positions that are closed."""
    return PositionView.model_construct(
        symbol=row["symbol"],
        side=side_of(row["quantity"]),
        quantity=required_text(row["quantity"]),
        cost=required_text(row["cost"]),
        average_price=decimal_text(row["average_price"]),
        mark=decimal_text(row["mark"]),
        market_value=required_text(row["market_value"]),
        unrealized_pnl=required_text(row["unrealized"]),
        unrealized_pnl_percent=percent(row["unrealized"], row["cost"]),
        realized_pnl=required_text(row["realized"]),
        opened_at=rfc3339(from_datetime(row["opened_at"])),
        updated_at=rfc3339(from_datetime(row["updated_at"])),
        sequence=row["sequence"],
    )


transaction_view = viewer_of_columns(TransactionView, Transaction, id=lambda row: row["id"])
"""The view of a row of `transactions`."""


def buying_power(answer: messages.AccountAnswer) -> BuyingPowerView:
    """The view of what an account can still do."""
    account = answer["account"]
    return BuyingPowerView.model_construct(
        currency=account["currency"],
        cash=account["cash"],
        reserved=account["reserved"],
        equity=account["equity"],
        buying_power=account["buying_power"],
        withdrawable=account["withdrawable"],
        maintenance_margin=account["maintenance_margin"],
        open_orders=account["open_orders"],
    )


def portfolio(answer: messages.AccountAnswer, rows: list[Row], totals: Row) -> PortfolioView:
    """The view of an account: the engine's values, and from the read model when positions were opened,
    realised profit and fees."""
    account = answer["account"]
    positions, worth, unrealized = _valued(answer, rows)
    equity = parse_nanos(account["equity"], "equity", signed=True)
    baseline = parse_nanos(account["daily_loss_baseline"], "baseline", signed=True)
    return PortfolioView.model_construct(
        account_id=account["id"],
        kind=account["kind"],
        state=account["state"],
        currency=account["currency"],
        cash=account["cash"],
        reserved=account["reserved"],
        market_value=format_nanos(worth),
        gross_exposure=account["gross"],
        equity=account["equity"],
        buying_power=account["buying_power"],
        withdrawable=account["withdrawable"],
        maintenance_margin=account["maintenance_margin"],
        unrealized_pnl=format_nanos(unrealized),
        realized_pnl=required_text(totals["realized"]),
        day_pnl=format_nanos(equity - baseline),
        fees_paid=required_text(totals["fees"]),
        open_orders=account["open_orders"],
        positions=positions,
        sequence=answer["sequence"],
    )


def open_positions(answer: messages.AccountAnswer, rows: list[Row]) -> list[PositionView]:
    """Open positions at the engine's marks, by symbol; from the read model's rows when they were opened."""
    return _valued(answer, rows)[0]


def _valued(answer: messages.AccountAnswer, rows: list[Row]) -> tuple[list[PositionView], int, int]:
    """Open positions, their value and their unrealised profit, both in nanos."""
    known = {row["symbol"]: row for row in rows}
    positions = []
    worth = unrealized = 0
    for held in sorted(answer["positions"], key=lambda held: held["symbol"]):
        quantity = parse_nanos(held["quantity"], "quantity", signed=True)
        cost = parse_nanos(held["cost"], "cost", signed=True)
        if quantity == 0:
            continue
        value = cost
        if held["mark"] is not None:
            value = quantity * parse_nanos(held["mark"], "mark") // NANOS
        worth += value
        unrealized += value - cost
        positions.append(_held(held, quantity, cost, value, known.get(held["symbol"]), answer["sequence"]))
    return positions, worth, unrealized


def _held(
    held: messages.HeldPosition, quantity: int, cost: int, value: int, row: Row | None, sequence: int
) -> PositionView:
    average = (abs(cost) * NANOS * 2 + abs(quantity)) // (abs(quantity) * 2)
    opened = rfc3339(from_datetime(row["opened_at"])) if row is not None else ""
    return PositionView.model_construct(
        symbol=held["symbol"],
        side=side_of(quantity),
        quantity=held["quantity"],
        cost=held["cost"],
        average_price=format_nanos(average),
        mark=held["mark"],
        market_value=format_nanos(value),
        unrealized_pnl=format_nanos(value - cost),
        unrealized_pnl_percent=percent(value - cost, cost),
        realized_pnl=required_text(row["realized"]) if row is not None else "0",
        opened_at=opened,
        updated_at=rfc3339(from_datetime(row["updated_at"])) if row is not None else opened,
        sequence=row["sequence"] if row is not None else sequence,
    )
