"""Views of money and positions, and the arithmetic of a portfolio in nanos. Pure.

Equity is the engine's: cash + sum of quantity x mark, where a position without a mark counts its cost.
Unrealised profit = quantity x mark - cost, with cost signed; realised is the sum of what fills realised
against cost, fees apart (rust_core/RULES.md, section 2).
"""

from decimal import Decimal
from typing import Any

from cift.contracts.accounts import BuyingPowerView, PortfolioView, PositionView, TransactionView
from cift.contracts.amounts import decimal_text, required_text
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.money import NANOS, format_nanos, parse_nanos

Row = Any


def side_of(quantity: Decimal | int) -> str:
    """long, short or flat."""
    return "long" if quantity > 0 else "short" if quantity < 0 else "flat"


def percent(part: Decimal | int, of: Decimal | int) -> str | None:
    """`part` in percent of |of|, to two decimals; None of nothing."""
    if not of:
        return None
    return format(round(Decimal(part) * 100 / abs(Decimal(of)), 2), "f")


def position_view(row: Row) -> PositionView:
    """The view of a position of the read model, at the read model's mark."""
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


def transaction_view(row: Row) -> TransactionView:
    """The view of a movement of cash."""
    return TransactionView.model_construct(
        id=row["id"],
        kind=row["kind"],
        amount=required_text(row["amount"]),
        cash=required_text(row["cash"]),
        symbol=row["symbol"],
        order_id=row["order_id"],
        trade_id=row["trade_id"],
        transfer_id=row["transfer_id"],
        created_at=rfc3339(from_datetime(row["created_at"])),
        sequence=row["sequence"],
    )


def buying_power(answer: dict[str, Any]) -> BuyingPowerView:
    """The view of the engine's account."""
    told = answer["account"]
    return BuyingPowerView.model_construct(**{name: told[name] for name in BuyingPowerView.model_fields})


def portfolio(answer: dict[str, Any], rows: list[Row], totals: Row) -> PortfolioView:
    """The account as the engine sees it (`answer` of its account question), with what the read model knows
    beside it: when positions began and what was realised and paid in fees."""
    told = answer["account"]
    known = {row["symbol"]: row for row in rows}
    positions = []
    worth = unrealized = 0
    for held in answer["positions"]:
        quantity, cost = (parse_nanos(held[name], name, signed=True) for name in ("quantity", "cost"))
        if quantity == 0:
            continue
        value = cost
        if held["mark"] is not None:
            value = quantity * parse_nanos(held["mark"], "mark") // NANOS
        worth += value
        unrealized += value - cost
        positions.append(_held(held, quantity, cost, value, known.get(held["symbol"]), answer["sequence"]))
    equity = parse_nanos(told["equity"], "equity", signed=True)
    baseline = parse_nanos(told["daily_loss_baseline"], "baseline", signed=True)
    return PortfolioView.model_construct(
        account_id=told["id"],
        kind=told["kind"],
        state=told["state"],
        currency=told["currency"],
        cash=told["cash"],
        reserved=told["reserved"],
        market_value=format_nanos(worth),
        gross_exposure=told["gross"],
        equity=told["equity"],
        buying_power=told["buying_power"],
        withdrawable=told["withdrawable"],
        unrealized_pnl=format_nanos(unrealized),
        realized_pnl=required_text(totals["realized"]),
        day_pnl=format_nanos(equity - baseline),
        fees_paid=required_text(totals["fees"]),
        open_orders=told["open_orders"],
        positions=positions,
        sequence=answer["sequence"],
    )


def _held(
    held: dict[str, Any], quantity: int, cost: int, value: int, row: Row | None, sequence: int
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
