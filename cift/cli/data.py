"""`cift data`: load recorded ticks into the tick stores of the running exchange, export them, and query
analytics."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from cift.cli import credentials, load, output
from cift.cli.client import PREFIX, Client, Failed, segment
from cift.cli.output import AsJson

app = typer.Typer(help="Load recorded ticks, export them, and query analytics.", no_args_is_help=True)
app.add_typer(load.app, name="load")
CHUNK_TIMEOUT_S = 60.0


@app.command("export")
def export(
    symbol: str,
    out: Annotated[Path, typer.Argument(help="New file; its name ends in .parquet, .csv or .json.")],
    from_: Annotated[
        date | None, typer.Option("--from", parser=date.fromisoformat, help="First day.")
    ] = None,
    to: Annotated[
        date | None, typer.Option("--to", parser=date.fromisoformat, help="Day after the last one.")
    ] = None,
    kind: Annotated[str, typer.Option(help="`trades` or `quotes`.")] = "trades",
    feed: Annotated[str | None, typer.Option(help="Only ticks of this feed.")] = None,
    as_json: AsJson = False,
) -> None:
    """Export a symbol's ticks to a file. The file appears when it is complete."""
    if out.suffix not in (".parquet", ".csv", ".json"):
        raise Failed("usage", "the file's name must end in .parquet, .csv or .json")
    query: dict[str, Any] = {"format": out.suffix[1:], "kind": kind, "feed": feed}
    query |= {name: day and f"{day}T00:00:00Z" for name, day in (("start", from_), ("end", to))}
    wanted = {name: value for name, value in query.items() if value is not None}
    url = f"{credentials.load().url}{PREFIX}/market-data/history/{segment(symbol)}"
    unfinished = out.with_name(out.name + ".partial")
    try:
        with httpx.stream("GET", url, params=wanted, timeout=CHUNK_TIMEOUT_S) as answer:
            if answer.status_code != 200:
                answer.read()
                error = answer.json()
                raise Failed(str(error.get("code", "failed")), str(error.get("message", answer.text)))
            with unfinished.open("wb") as file:
                for chunk in answer.iter_bytes():
                    file.write(chunk)
    except httpx.HTTPError as problem:
        unfinished.unlink(missing_ok=True)
        raise Failed("no_answer", f"the connection was lost ({problem}); no file was written") from None
    unfinished.replace(out)
    written = {"file": str(out), "bytes": out.stat().st_size}
    if as_json:
        output.print_json(written)
    else:
        output.console.print(f"{out}: {written['bytes']:,} bytes")


SPREAD_COLUMNS = [
    output.moment("start", "start"),
    output.money("spread", "spread"),
    output.money("least", "spread_min"),
    output.money("most", "spread_max"),
    output.number("bid size", "bid_quantity"),
    output.number("ask size", "ask_quantity"),
    output.number("quotes", "quotes"),
]
FLOW_COLUMNS = [
    output.moment("start", "start"),
    output.number("imbalance", "imbalance"),
    output.number("quotes", "quotes"),
]
PROFILE_COLUMNS = [
    output.money("price", "price"),
    output.number("volume", "volume"),
    output.number("trades", "trades"),
]
EXECUTION_COLUMNS = [
    output.moment("at", "at"),
    output.text("symbol", "symbol"),
    output.side("side", "side"),
    output.number("quantity", "quantity"),
    output.money("price", "price"),
    output.money("mid", "mid"),
    output.money("effective spread", "effective_spread"),
    output.money("arrival", "arrival_mid"),
    output.money("slippage", "slippage"),
]


class Report(StrEnum):
    spread = "spread"
    order_flow = "order-flow"
    volume_profile = "volume-profile"
    executions = "executions"


_COLUMNS = {
    Report.spread: SPREAD_COLUMNS,
    Report.order_flow: FLOW_COLUMNS,
    Report.volume_profile: PROFILE_COLUMNS,
    Report.executions: EXECUTION_COLUMNS,
}


@app.command("query")
def query(
    report: Report,
    symbol: Annotated[
        str | None, typer.Argument(help="The symbol; not for executions, which are your own.")
    ] = None,
    interval: Annotated[str, typer.Option("--interval", "-i", help="Such as 1m.")] = "1m",
    start: Annotated[
        str | None, typer.Option("--from", help="RFC 3339 time; default: a day before --to.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="RFC 3339 time; default: now.")] = None,
    feed: Annotated[str | None, typer.Option(help="Only ticks of this feed.")] = None,
    limit: Annotated[
        int,
        typer.Option(
            "--limit",
            "-n",
            min=1,
            max=100_000,
            help="At most this many: the newest, or from --from on; of a volume profile the lowest prices.",
        ),
    ] = 60,
    as_json: AsJson = False,
) -> None:
    """Query spreads, order flow and volume profiles of the ticks, or the quality of your own executions."""
    wanted: dict[str, Any] = {}
    if report is not Report.executions:
        if symbol is None:
            raise Failed("usage", f"a symbol is missing: cift data query {report.value} SPY")
        wanted = {"start": start, "end": end, "feed": feed}
        if report is not Report.volume_profile:
            wanted["interval"] = interval
    path = f"/analytics/{report.value}" + (f"/{segment(symbol or '')}" if wanted else "")
    if report in (Report.spread, Report.order_flow) and start is None:
        items = Client().last(path, limit, public=True, **wanted)
    else:
        items = Client().pages(path, limit, public=bool(wanted), **wanted)
    output.show_list(items, _COLUMNS[report], "nothing", as_json)
