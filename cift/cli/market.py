"""`cift quote`, `book`, `trades`, `bars`, `symbols`: market data. No login is needed."""

from __future__ import annotations

import sys
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cift.cli import output
from cift.cli.client import Client, Failed, segment
from cift.cli.output import AsJson, Limit

REFRESH_S = 0.25
BAR_WIDTH = 20
BARS_SHOWN = 20
BARS_MAX = 1_000_000


class Session(StrEnum):
    all = "all"
    regular = "regular"
    extended = "extended"


class Source(StrEnum):
    exchange = "exchange"
    outside = "outside"
    all = "all"


QUOTE_COLUMNS = [
    output.text("symbol", "symbol"),
    output.number("bid size", "bid_quantity"),
    output.money("bid", "bid"),
    output.money("ask", "ask"),
    output.number("ask size", "ask_quantity"),
    output.money("last", "last"),
    output.number("last size", "last_quantity"),
    output.moment("last at", "last_at"),
]
TRADE_COLUMNS = [
    output.moment("executed", "executed_at"),
    output.text("symbol", "symbol"),
    output.money("price", "price"),
    output.number("quantity", "quantity"),
    output.side("aggressor", "aggressor"),
    output.text("source", "source"),
]
BAR_COLUMNS = [
    output.moment("start", "start"),
    output.money("open", "open"),
    output.money("high", "high"),
    output.money("low", "low"),
    output.money("close", "close"),
    output.number("volume", "volume"),
    output.money("vwap", "vwap"),
    output.number("trades", "trades"),
    output.words("sources", "sources"),
]
SYMBOL_COLUMNS = [
    output.text("symbol", "symbol"),
    output.prose("name", "name"),
    output.text("currency", "currency"),
    output.money("tick", "tick"),
    output.number("lot", "lot"),
    output.number("band %", "band_percent"),
    output.number("collar %", "collar_percent"),
    output.text("halted", "halted"),
    output.money("last", "last"),
]
SourceOption = Annotated[
    Source, typer.Option("--source", help="Trades of this exchange, prints of outside feeds, or both.")
]


def quote(symbols: list[str], as_json: AsJson = False) -> None:
    """Show the best bid, best ask and last price of symbols."""
    answer = Client().call("GET", "/market-data/quotes", query={"symbols": ",".join(symbols)}, public=True)
    output.show_list(answer["items"], QUOTE_COLUMNS, "no quotes", as_json)
    if answer["unknown_symbols"]:
        raise Failed("unknown_symbol", f"There is no instrument {', '.join(answer['unknown_symbols'])}")


def book(
    symbol: str,
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=1, max=50, help="Price levels on each side.")
    ] = 10,
    once: Annotated[
        bool, typer.Option("--once", help="Print the book once instead of following it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Follow the order book; Ctrl-C ends it. With --json or in a pipe it is printed once."""
    client = Client()

    def look() -> dict[str, Any]:
        answer: dict[str, Any] = client.call(
            "GET", f"/market-data/book/{segment(symbol)}", query={"depth": depth}, public=True
        )
        return answer

    if as_json:
        output.print_json(look())
        return
    if once or not sys.stdout.isatty():
        output.console.print(draw_book(look(), depth))
        return
    from cift.cli import stream  # imported here: the other commands do not need its packages

    with Live(draw_book(look(), depth), console=output.console, auto_refresh=False, screen=True) as live:
        try:
            for seen in stream.follow(client.who.url, symbol, depth, REFRESH_S):
                if isinstance(seen, Failed):  # shown until the connection is restored
                    live.update(Text(str(seen), style="red"), refresh=True)
                else:
                    live.update(draw_book(seen, depth), refresh=True)
        except KeyboardInterrupt:
            return


def trades(
    symbol: str, source: SourceOption = Source.all, limit: Limit = 20, as_json: AsJson = False
) -> None:
    """List the trades of a symbol, newest first."""
    items = _public_pages(f"/market-data/trades/{segment(symbol)}", limit, source=source.value)
    output.show_list(items, TRADE_COLUMNS, f"no trades of {symbol} (source {source.value})", as_json)


def bars(
    symbol: str,
    interval: Annotated[
        str, typer.Option("--interval", "-i", help="A number and s, m, h or d: 1s, 5m, 1d.")
    ] = "1m",
    source: SourceOption = Source.all,
    feed: Annotated[str | None, typer.Option(help="Only trades of this feed.")] = None,
    session: Annotated[
        Session, typer.Option(help="Trading hours of the instrument's exchange.")
    ] = Session.all,
    adjusted: Annotated[bool, typer.Option(help="Adjust for splits and dividends.")] = False,
    start: Annotated[
        str | None, typer.Option("--from", help="RFC 3339 time; default: the last bars that exist.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="RFC 3339 time; default: now.")] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", min=1, max=1_000_000, help="At most this many; default: 20, or the range."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the bars of a symbol, oldest first; without --from the last ones."""
    path = f"/market-data/bars/{segment(symbol)}"
    query: dict[str, Any] = {"interval": interval, "source": source.value, "feed": feed, "end": end}
    query |= {"session": session.value, "adjusted": "true" if adjusted else None}
    if start is None:
        items = Client().last(path, limit or BARS_SHOWN, public=True, **query)
    else:
        items = Client().pages(path, limit or BARS_MAX, public=True, start=start, **query)
    output.show_list(items, BAR_COLUMNS, f"no bars of {symbol} (source {source.value})", as_json)


def symbols(
    query: Annotated[str | None, typer.Argument(help="Part of the symbol or of the name.")] = None,
    limit: Limit = 500,
    as_json: AsJson = False,
) -> None:
    """List the instruments of the exchange."""
    items = _public_pages("/market-data/symbols", limit, query=query)
    output.show_list(items, SYMBOL_COLUMNS, "no symbols", as_json)


def draw_book(seen: dict[str, Any], depth: int) -> Table:
    """The book as a table: asks above bids, with a bar for the size of each level."""
    bids, asks = seen["bids"][:depth], seen["asks"][:depth]
    largest = max((Decimal(level["quantity"]) for level in bids + asks), default=Decimal(1))
    title = f"{seen['symbol']}  {datetime.now().astimezone():%H:%M:%S}  #{seen['sequence']}"
    ladder = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for name, justify in (("orders", "right"), ("size", "right"), ("price", "right"), ("", "left")):
        ladder.add_column(name, justify=justify, header_style="dim", no_wrap=True)  # type: ignore[arg-type]

    def add(level: dict[str, Any], style: str) -> None:
        size = Decimal(level["quantity"])
        filled = "█" * max(1, int(BAR_WIDTH * size / largest))
        ladder.add_row(
            str(level["orders"]),
            f"{size:,f}",
            Text(output.padded(level["price"]), style=style),
            Text(filled, style=style),
        )

    for level in reversed(asks):
        add(level, "red")
    if bids and asks:
        spread = Decimal(asks[0]["price"]) - Decimal(bids[0]["price"])
        ladder.add_row("", "", Text(output.padded(spread), style="dim"), Text("spread", style="dim"))
    elif not bids and not asks:
        ladder.add_row("", "", "", Text("the book is empty", style="dim"))
    for level in bids:
        add(level, "green")
    return ladder


def _public_pages(path: str, limit: int, **query: Any) -> list[Any]:
    return Client().pages(path, limit, public=True, **query)
