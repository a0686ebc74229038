"""Money and positions: `cift portfolio`, `positions`, `transactions`, `buying-power`, `deposit`,
`withdraw`, `reset`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cift.cli import output
from cift.cli.client import Client, new_key, segment
from cift.cli.output import AsJson, End, Limit, Start

POSITION_COLUMNS = [
    output.text("symbol", "symbol"),
    output.side("side", "side"),
    output.number("quantity", "quantity"),
    output.money("average", "average_price"),
    output.money("mark", "mark"),
    output.money("value", "market_value"),
    output.signed("unrealized", "unrealized_pnl"),
    output.signed("%", "unrealized_pnl_percent"),
    output.signed("realized", "realized_pnl"),
]
PORTFOLIO_COLUMNS = [
    output.text("account", "account_id"),
    output.text("kind", "kind"),
    output.text("state", "state"),
    output.text("currency", "currency"),
    output.money("equity", "equity"),
    output.money("cash", "cash"),
    output.money("reserved", "reserved"),
    output.money("market value", "market_value"),
    output.money("gross exposure", "gross_exposure"),
    output.money("buying power", "buying_power"),
    output.money("withdrawable", "withdrawable"),
    output.money("maintenance margin", "maintenance_margin"),
    output.signed("unrealized", "unrealized_pnl"),
    output.signed("realized", "realized_pnl"),
    output.signed("today", "day_pnl"),
    output.money("fees paid", "fees_paid"),
    output.number("open orders", "open_orders"),
]
TRANSACTION_COLUMNS = [
    output.moment("time", "created_at"),
    output.text("kind", "kind"),
    output.signed("amount", "amount"),
    output.money("cash", "cash"),
    output.text("symbol", "symbol"),
    output.text("order", "order_id"),
]
POWER_COLUMNS = [
    output.text("currency", "currency"),
    output.money("buying power", "buying_power"),
    output.money("cash", "cash"),
    output.money("reserved", "reserved"),
    output.money("equity", "equity"),
    output.money("withdrawable", "withdrawable"),
    output.money("maintenance margin", "maintenance_margin"),
    output.number("open orders", "open_orders"),
]


def portfolio(as_json: AsJson = False) -> None:
    """Show the account: equity, cash, buying power and positions."""
    answer = Client().get("/trading/portfolio")
    output.show_record(answer, PORTFOLIO_COLUMNS, as_json)
    if not as_json and answer["positions"]:
        output.console.print()
        output.show_list(answer["positions"], POSITION_COLUMNS, "", as_json=False)


def positions(
    symbol: Annotated[str | None, typer.Argument(help="Show only the position in this symbol.")] = None,
    as_json: AsJson = False,
) -> None:
    """List positions with their profit or loss, or show one."""
    if symbol is None:
        items = Client().get("/trading/positions")["items"]
        output.show_list(items, POSITION_COLUMNS, "no positions", as_json)
    else:
        output.show_record(Client().get(f"/trading/positions/{segment(symbol)}"), POSITION_COLUMNS, as_json)


def transactions(
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            help="deposit, withdrawal, reset, dividend, cash_in_lieu, liquidation, deficit, trade or fee.",
        ),
    ] = None,
    start: Start = None,
    end: End = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List the changes of the account's cash."""
    items = Client().pages("/trading/transactions", limit, kind=kind, start=start, end=end)
    output.show_list(items, TRANSACTION_COLUMNS, "no transactions", as_json)


def buying_power(as_json: AsJson = False) -> None:
    """Show cash, equity and buying power, from the engine."""
    output.show_record(Client().get("/trading/account/buying-power"), POWER_COLUMNS, as_json)


def deposit(amount: str, as_json: AsJson = False) -> None:
    """Deposit paper money."""
    _move("deposit", {"amount": amount}, as_json)


def withdraw(amount: str, as_json: AsJson = False) -> None:
    """Withdraw paper money."""
    _move("withdraw", {"amount": amount}, as_json)


def reset(
    cash: Annotated[str | None, typer.Option("--cash", help="Cash after the reset; default 100000.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Skip the confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Reset the account: cancel all orders, remove all positions, set the cash."""
    if not yes:
        typer.confirm("Cancel all orders and remove all positions?", abort=True, err=True)
    _move("reset", {} if cash is None else {"cash": cash}, as_json)


def _move(verb: str, body: dict[str, Any], as_json: bool) -> None:
    answer = Client().call("POST", f"/trading/account/{verb}", body, key=new_key())
    output.show_record(answer, TRANSACTION_COLUMNS, as_json)
