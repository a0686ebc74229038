"""How an account did: `cift performance`, `closed-trades`, `statement`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cift.cli import output
from cift.cli.client import Client, segment
from cift.cli.output import AsJson, Limit

Method = Annotated[str, typer.Option("--method", help="Of matching: average (cost) or fifo.")]
PERFORMANCE_COLUMNS = [
    output.money("base", "base"),
    output.signed("profit", "profit"),
    output.signed("return %", "return_percent"),
    output.number("volatility %", "volatility_percent"),
    output.number("Sharpe", "sharpe"),
    output.number("Sortino", "sortino"),
    output.signed("max. drawdown %", "max_drawdown_percent"),
    output.number("exposure %", "exposure_percent"),
    output.number("turnover", "turnover"),
    output.number("fills", "fills"),
    output.money("fees", "fees"),
    output.number("closed trades", "closed_trades"),
    output.number("win rate %", "win_rate_percent"),
    output.number("profit factor", "profit_factor"),
]
SYMBOL_COLUMNS = [
    output.text("symbol", "symbol"),
    output.number("fills", "fills"),
    output.money("volume", "volume"),
    output.money("fees", "fees"),
    output.signed("realized", "realized"),
    output.number("closed", "closed_trades"),
    output.number("win rate %", "win_rate_percent"),
    output.number("profit factor", "profit_factor"),
]
DAY_COLUMNS = [
    output.text("day", "date"),
    output.money("equity", "equity"),
    output.signed("profit", "profit"),
    output.signed("%", "return_percent"),
    output.number("fills", "fills"),
    output.money("fees", "fees"),
]
CLOSED_COLUMNS = [
    output.moment("closed", "exit_at"),
    output.text("symbol", "symbol"),
    output.text("side", "side"),
    output.number("quantity", "quantity"),
    output.money("entry", "entry_price"),
    output.money("exit", "exit_price"),
    output.money("fees", "fees"),
    output.signed("net", "net_profit"),
    output.signed("%", "return_percent"),
]
STATEMENT_COLUMNS = [
    output.text("period", "period"),
    output.money("equity at the start", "opening_equity"),
    output.signed("transfers", "transfers"),
    output.signed("profit", "profit"),
    output.money("fees", "fees"),
    output.money("dividends", "income"),
    output.money("equity at the end", "closing_equity"),
    output.money("cash at the end", "closing_cash"),
]


def performance(
    start: Annotated[str | None, typer.Option("--start", help="RFC 3339; default: the first day.")] = None,
    end: Annotated[str | None, typer.Option("--end", help="RFC 3339; default: now.")] = None,
    method: Method = "average",
    by_day: Annotated[bool, typer.Option("--days", help="Show each day.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show return, risk and the outcomes of the account's trades."""
    answer = Client().get("/trading/portfolio/performance", start=start, end=end, method=method)
    if as_json:
        output.show_record(answer, PERFORMANCE_COLUMNS, as_json)
        return
    output.show_record({**answer["trades"], **answer}, PERFORMANCE_COLUMNS, as_json=False)
    output.console.print()
    output.show_list(answer["symbols"], SYMBOL_COLUMNS, "no trades", as_json=False)
    if by_day:
        output.console.print()
        output.show_list(answer["days"], DAY_COLUMNS, "no days", as_json=False)


def closed_trades(
    symbol: Annotated[str | None, typer.Argument(help="Show only trades in this symbol.")] = None,
    method: Method = "average",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List closed trades with entry, exit and profit."""
    items = Client().pages("/trading/closed-trades", limit, symbol=symbol, method=method)
    output.show_list(items, CLOSED_COLUMNS, "no closed trades", as_json)


def statement(
    period: Annotated[str, typer.Argument(help="A month (2026-11) or a day (2026-11-30).")],
    file: Annotated[
        Path | None, typer.Option("--file", "-o", help="Write it here: a name that ends with .csv or .html.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the statement of a month or a day, or write it to a file. Browsers print the HTML file as PDF."""
    path = f"/trading/statements/{segment(period)}"
    if file is None:
        answer = Client().get(path)
        output.show_record(answer, STATEMENT_COLUMNS, as_json)
        return
    form = file.suffix.removeprefix(".")
    if form not in ("csv", "html"):
        raise typer.BadParameter(f"{file} must end with .csv or .html", param_hint="--file")
    written = Client().content(f"{path}/file", format=form)
    file.write_bytes(written)
    output.console.print(f"{file}: {len(written):,} bytes")
