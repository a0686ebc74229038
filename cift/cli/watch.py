"""`cift watch`: your orders and fills, and quotes, line by line as they happen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from cift.cli import output
from cift.cli.client import Client, Failed

LOGIN_CODES = frozenset({"token_expired", "token_revoked"})
"""Errors that a new login mends."""
AsLines = Annotated[bool, typer.Option("--json", help="Print the messages of the stream, one a line.")]


def watch(
    symbols: Annotated[list[str] | None, typer.Argument(help="Symbols whose quotes you want too.")] = None,
    trades: Annotated[bool, typer.Option("--trades", help="Their trades too.")] = False,
    as_json: AsLines = False,
) -> None:
    """Watch your orders and fills, and the quotes of symbols; Ctrl-C ends it."""
    names = [symbol.upper() for symbol in symbols or ()]
    subscriptions: dict[str, list[str]] = {"orders": [], "fills": []}
    if names:
        subscriptions["quotes"] = names
    if names and trades:
        subscriptions["trades"] = names
    try:
        for message in messages(Client(), subscriptions):
            if as_json:
                typer.echo(json.dumps(message))
            else:
                output.console.print(line(message), soft_wrap=True)
    except KeyboardInterrupt:
        return


def messages(client: Client, subscriptions: dict[str, list[str]]) -> Iterator[dict[str, Any]]:
    """The messages of these subscriptions, without end; after a lost connection from the last one on.

    Raises:
        Failed: the exchange refused the login or the subscription.
    """
    from websockets.exceptions import WebSocketException

    from cift.cli import stream  # imported here: the other commands do not need these packages

    last: str | None = None
    while True:
        try:
            with stream.opened(client.who.url, client.headers()) as connection:
                request: dict[str, Any] = {"action": "subscribe", "subscriptions": subscriptions}
                if last is not None:
                    request["since"] = last
                connection.send(json.dumps(request))
                while True:
                    message = json.loads(connection.recv(stream.SILENCE_MAX_S))
                    if message["type"] == "error" and message["code"] in LOGIN_CODES:
                        break
                    if message["type"] == "error" and message["code"] != "slow_reader":
                        raise Failed(message["code"], message["message"])
                    if message["type"] in ("order", "fill", "quote", "trade", "gap"):
                        last = message.get("id") or last
                        yield message
        except (OSError, WebSocketException, TimeoutError):
            time.sleep(stream.RECONNECT_AFTER_S)


def line(message: dict[str, Any]) -> Text:
    """A message as one line."""
    moment = (
        datetime.fromisoformat(message["at"]).astimezone()
        if message.get("at")
        else datetime.now().astimezone()
    )
    text = Text(f"{moment:%H:%M:%S.%f}  ", style="dim")
    match message["type"]:
        case "order":
            order = message["order"]
            text.append(f"order  {message['change']:9}", style="bold")
            text.append(f" {order['symbol']} ")
            _side(text, order["side"])
            price = order["limit_price"] or order["stop_price"]
            text.append(f" {order['filled_quantity']}/{order['quantity']} {order['type']}")
            text.append(f" {output.padded(price)}" if price else "")
            text.append(f"  {order['status']}")
            text.append(f" ({order['reason']})" if order["reason"] else "", style="yellow")
            text.append(f"  {order['client_order_id'] or order['id']}", style="dim")
        case "fill":
            text.append("fill            ", style="bold")
            text.append(f" {message['symbol']} ")
            _side(text, message["side"])
            text.append(f" {message['quantity']} at {output.padded(message['price'])}")
            text.append(
                f"  fee {output.padded(message['fee'])}  profit {output.padded(message['realized_pnl'])}"
            )
            text.append(f"  position {message['position_after']}")
            text.append(f"  {message['client_order_id'] or message['order_id']}", style="dim")
        case "quote":
            sides = [
                f"{message[f'{side}_quantity']} × {output.padded(message[side])}" if message[side] else "none"
                for side in ("bid", "ask")
            ]
            last = output.padded(message["last"]) if message["last"] else "none"
            text.append(f"quote            {message['symbol']}  bid {sides[0]}  ask {sides[1]}  last {last}")
        case "trade":
            text.append(f"trade            {message['symbol']} {message['quantity']} at ")
            text.append(f"{output.padded(message['price'])} ({message['source']})")
        case _:
            text.append(f"messages after {message['since']} are no longer stored", style="yellow")
    return text


def _side(text: Text, side: str) -> None:
    text.append(side, style="green" if side == "buy" else "red")
