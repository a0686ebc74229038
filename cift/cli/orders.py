"""`cift orders …` and `cift fills`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from cift.cli import output
from cift.cli.client import Client, Failed, new_key, segment
from cift.cli.output import AsJson, End, Limit, Start

app = typer.Typer(help="Place, list, change and cancel orders.", no_args_is_help=True)


class Side(StrEnum):
    buy = "buy"
    sell = "sell"


class TimeInForce(StrEnum):
    day = "day"
    gtc = "gtc"
    ioc = "ioc"
    fok = "fok"
    gtd = "gtd"


class SelfTrade(StrEnum):
    cancel_newest = "cancel_newest"
    cancel_oldest = "cancel_oldest"
    cancel_both = "cancel_both"
    none = "none"


class Status(StrEnum):
    open = "open"
    closed = "closed"
    all = "all"


LIST_COLUMNS = [
    output.text("id", "id"),
    output.moment("created", "created_at"),
    output.text("symbol", "symbol"),
    output.side("side", "side"),
    output.text("type", "type"),
    output.text("tif", "time_in_force"),
    output.number("quantity", "quantity"),
    output.number("filled", "filled_quantity"),
    output.money("limit", "limit_price"),
    output.money("stop", "stop_price"),
    output.money("average", "average_fill_price"),
    output.text("status", "status"),
    output.text("reason", "reason"),
]
ORDER_COLUMNS = [
    output.text("id", "id"),
    output.text("client order id", "client_order_id"),
    output.text("status", "status"),
    output.text("reason", "reason"),
    output.text("symbol", "symbol"),
    output.side("side", "side"),
    output.text("type", "type"),
    output.text("time in force", "time_in_force"),
    output.moment("expires", "expire_at"),
    output.number("quantity", "quantity"),
    output.number("filled", "filled_quantity"),
    output.number("remaining", "remaining_quantity"),
    output.money("average fill price", "average_fill_price"),
    output.money("limit price", "limit_price"),
    output.money("stop price", "stop_price"),
    output.money("trail amount", "trail_amount"),
    output.number("trail percent", "trail_percent"),
    output.number("display quantity", "display_quantity"),
    output.text("order class", "order_class"),
    output.text("parent", "parent_id"),
    output.moment("created", "created_at"),
    output.moment("updated", "updated_at"),
]
FILL_COLUMNS = [
    output.moment("executed", "executed_at"),
    output.text("symbol", "symbol"),
    output.side("side", "side"),
    output.number("quantity", "quantity"),
    output.money("price", "price"),
    output.money("notional", "notional"),
    output.money("fee", "fee"),
    output.text("liquidity", "liquidity"),
    output.signed("realized", "realized_pnl"),
    output.text("order", "order_id"),
]
CHECK_COLUMNS = [
    output.text("admitted", "admitted"),
    output.text("reason", "reason"),
    output.text("message", "message"),
    output.money("reserve", "reserve"),
    output.money("reserve price", "reserve_price"),
    output.money("reference price", "reference_price"),
    output.money("buying power", "buying_power"),
]


@app.command()
def place(
    symbol: str,
    side: Annotated[Side, typer.Argument(case_sensitive=False)],
    quantity: str,
    limit: Annotated[str | None, typer.Option("--limit", "-l", help="Limit price.")] = None,
    stop: Annotated[str | None, typer.Option("--stop", "-s", help="Stop price.")] = None,
    trail: Annotated[
        str | None,
        typer.Option("--trail", help="Trailing stop: distance as an amount, or in percent such as 2%."),
    ] = None,
    time_in_force: Annotated[
        TimeInForce, typer.Option("--tif", case_sensitive=False, help="Time in force.")
    ] = TimeInForce.day,
    expire_at: Annotated[
        str | None,
        typer.Option("--expire-at", help="RFC 3339 time at which the order expires (implies gtd)."),
    ] = None,
    display: Annotated[
        str | None, typer.Option("--display", help="Iceberg: the quantity that the book shows.")
    ] = None,
    post_only: Annotated[
        bool, typer.Option("--post-only", help="Refuse the order if it would trade immediately.")
    ] = False,
    reduce_only: Annotated[
        bool, typer.Option("--reduce-only", help="Refuse the order if it would increase the position.")
    ] = False,
    take_profit: Annotated[
        str | None, typer.Option("--take-profit", help="Take-profit leg: its limit price.")
    ] = None,
    stop_loss: Annotated[
        str | None, typer.Option("--stop-loss", help="Stop-loss leg: its stop price.")
    ] = None,
    stop_loss_limit: Annotated[
        str | None,
        typer.Option(
            "--stop-loss-limit", help="Limit price of the stop-loss leg, which becomes a stop-limit order."
        ),
    ] = None,
    oco: Annotated[
        bool, typer.Option("--oco", help="Link this limit order and --stop-loss: one cancels the other.")
    ] = False,
    self_trade: Annotated[
        SelfTrade,
        typer.Option("--self-trade", help="What to cancel if the order would trade with one of your own."),
    ] = SelfTrade.cancel_newest,
    client_order_id: Annotated[
        str | None,
        typer.Option(
            "--client-order-id",
            "-c",
            help="Your id of the order. A repeated command with it places one order.",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Place nothing; check whether the engine would admit the order, else exit code 1."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Place an order. Without a price it is a market order.

    --limit gives a limit order, --stop a stop order, both a stop-limit order, --trail a trailing stop.
    --take-profit with --stop-loss gives a bracket order, one of them alone an OTO order.

    cift orders place SPY buy 10
    cift orders place SPY buy 10 --limit 167.40 --tif gtc
    cift orders place IBM buy 5 --take-profit 184 --stop-loss 180
    """
    order: dict[str, Any] = {
        "symbol": symbol,
        "side": side.value,
        "quantity": quantity,
        "type": _type(limit, stop, trail),
        "time_in_force": (TimeInForce.gtd if expire_at else time_in_force).value,
        "self_trade_prevention": self_trade.value,
        "limit_price": limit,
        "stop_price": stop,
        "display_quantity": display,
        "expire_at": expire_at,
        "client_order_id": client_order_id,
    }
    if trail is not None:
        order["trail_percent" if trail.endswith("%") else "trail_amount"] = trail.removesuffix("%")
    order |= {name: True for name, on in (("post_only", post_only), ("reduce_only", reduce_only)) if on}
    order |= _legs(take_profit, stop_loss, stop_loss_limit, oco)
    order = {name: value for name, value in order.items() if value is not None}
    client = Client()
    if check:
        answer = client.call("POST", "/trading/risk/check", order)
        output.show_record(answer, CHECK_COLUMNS, as_json)
        if not answer["admitted"]:
            raise typer.Exit(1)
        return
    placed = client.call("POST", "/trading/orders", order, key=client_order_id or new_key())
    output.show_record(placed, ORDER_COLUMNS, as_json)


@app.command("list")
def list_orders(
    status: Annotated[Status, typer.Option("--status", help="Status of the orders.")] = Status.all,
    symbol: Annotated[str | None, typer.Option("--symbol", help="Only orders in this symbol.")] = None,
    start: Start = None,
    end: End = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first: open, filled, canceled and refused ones."""
    items = Client().pages("/trading/orders", limit, status=status.value, symbol=symbol, start=start, end=end)
    output.show_list(items, LIST_COLUMNS, "no orders", as_json)


@app.command()
def get(order_id: str, as_json: AsJson = False) -> None:
    """Show one order."""
    output.show_record(Client().get(f"/trading/orders/{order_id}"), ORDER_COLUMNS, as_json)


@app.command()
def cancel(order_ids: list[str], as_json: AsJson = False) -> None:
    """Cancel orders by id."""
    client = Client()
    canceled = []
    for order_id in order_ids:
        answer = client.call("DELETE", f"/trading/orders/{order_id}", key=new_key())
        canceled.append(answer or client.get(f"/trading/orders/{order_id}"))
    output.show_list(canceled, LIST_COLUMNS, "nothing canceled", as_json)


@app.command()
def replace(
    order_id: str,
    quantity: Annotated[str | None, typer.Option("--quantity", "-q", help="New total quantity.")] = None,
    limit: Annotated[str | None, typer.Option("--limit", "-l", help="New limit price.")] = None,
    stop: Annotated[str | None, typer.Option("--stop", "-s", help="New stop price.")] = None,
    trail: Annotated[
        str | None, typer.Option("--trail", help="New distance of the trailing stop: an amount, or 2%.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Change an open order. Only an order whose quantity alone is reduced keeps its place in the queue."""
    change = {"quantity": quantity, "limit_price": limit, "stop_price": stop}
    if trail is not None:
        change["trail_percent" if trail.endswith("%") else "trail_amount"] = trail.removesuffix("%")
    body = {name: value for name, value in change.items() if value is not None}
    answer = Client().call("PATCH", f"/trading/orders/{order_id}", body, key=new_key())
    output.show_record(answer, ORDER_COLUMNS, as_json)


@app.command()
def close(
    symbol: str,
    quantity: Annotated[
        str | None, typer.Option("--quantity", "-q", help="Default: the whole position.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Close a position by a market order."""
    path = f"/trading/positions/{segment(symbol)}"
    answer = Client().call("DELETE", path, query={"quantity": quantity}, key=new_key())
    output.show_record(answer, ORDER_COLUMNS, as_json)


@app.command("cancel-all")
def cancel_all(
    symbol: Annotated[str | None, typer.Option("--symbol", help="Only orders in this symbol.")] = None,
    as_json: AsJson = False,
) -> None:
    """Cancel all open orders."""
    answer = Client().call("DELETE", "/trading/orders", query={"symbol": symbol}, key=new_key())
    if as_json:
        output.print_json(answer)
    else:
        output.console.print(f"{answer['canceled']} canceled")


def fills(
    symbol: Annotated[str | None, typer.Option("--symbol", help="Only fills in this symbol.")] = None,
    order: Annotated[str | None, typer.Option("--order", help="Only fills of this order.")] = None,
    start: Start = None,
    end: End = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List your fills, newest first."""
    items = Client().pages("/trading/fills", limit, symbol=symbol, order_id=order, start=start, end=end)
    output.show_list(items, FILL_COLUMNS, "no fills", as_json)


def _type(limit: str | None, stop: str | None, trail: str | None) -> str:
    if trail is not None:
        if limit is not None or stop is not None:
            raise Failed("usage", "--trail cannot be combined with --limit or --stop")
        return "trailing_stop"
    if stop is not None:
        return "stop" if limit is None else "stop_limit"
    return "market" if limit is None else "limit"


def _legs(
    take_profit: str | None, stop_loss: str | None, stop_loss_limit: str | None, oco: bool
) -> dict[str, Any]:
    if stop_loss_limit is not None and stop_loss is None:
        raise Failed("usage", "--stop-loss-limit needs --stop-loss")
    if oco and (stop_loss is None or take_profit is not None):
        raise Failed(
            "usage",
            "--oco needs --limit and --stop-loss, without --take-profit: the limit order is the take-profit",
        )
    legs: dict[str, Any] = {}
    if take_profit is not None:
        legs["take_profit"] = {"limit_price": take_profit}
    if stop_loss is not None:
        legs["stop_loss"] = {"stop_price": stop_loss}
        if stop_loss_limit is not None:
            legs["stop_loss"]["limit_price"] = stop_loss_limit
    if oco:
        legs["order_class"] = "oco"
    elif legs:
        legs["order_class"] = "bracket" if len(legs) == 2 else "oto"
    return legs
