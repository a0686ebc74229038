"""`cift data`: load recorded ticks into the tick stores of the running exchange, export them, and query
analytics."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cift.cli import credentials, maintenance, output, providers
from cift.cli.client import PREFIX, Client, Failed
from cift.cli.output import AsJson, Limit
from cift.feeds.feed import FeedRejected, FeedUnavailable
from cift.feeds.settings import MarketSettings
from cift.history import files, lean_load
from cift.history import load as loading
from cift.kernel.errors import CiftError
from cift.platform.stores import Platform
from cift.recordings import lean

app = typer.Typer(help="Load recorded ticks, export them, and query analytics.", no_args_is_help=True)
load_app = typer.Typer(
    help="Load ticks from files or providers. Loading twice changes nothing.", no_args_is_help=True
)
app.add_typer(load_app, name="load")
CHUNK_TIMEOUT_S = 60.0

Symbols = Annotated[str | None, typer.Option("--symbols", help="Only these symbols, separated by commas.")]
From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")]
Again = Annotated[bool, typer.Option("--again", help="Also load what was loaded before.")]
Feed = Annotated[str, typer.Option("--feed", help="Name of the feed that the ticks are stored under.")]


@load_app.command("lean")
def load_lean(
    folder: Path,
    symbols: Symbols = None,
    from_: From = None,
    to: To = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Load ticks and split factors from a folder of QuantConnect Lean data."""
    wanted = {name.strip().upper() for name in symbols.split(",")} if symbols else None

    def is_wanted(file: lean.DayFile) -> bool:
        first, last = from_ and from_.date(), to and to.date()
        in_time = (first is None or file.day >= first) and (last is None or file.day <= last)
        return in_time and (wanted is None or file.symbol in wanted)

    try:
        found = [file for file in lean_load.tick_files(folder) if is_wanted(file)]
    except lean.NotLean as problem:
        raise Failed("not_lean", str(problem)) from None
    sources = [loading.Source(file.path, lean_load.FEED, partial(lean_load.messages, file)) for file in found]
    factors = {symbol: lean.factors(folder, symbol) for symbol in {file.symbol for file in found}}
    _load(sources, {symbol: found for symbol, found in factors.items() if found}, again, as_json)


@load_app.command("csv")
def load_csv(
    paths: list[Path],
    feed: Feed = "file",
    symbol: Annotated[str | None, typer.Option(help="Symbol of files without this column.")] = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Load CSV files with the columns at, symbol, and price, quantity or bid, bid_quantity, ask, …"""
    _load_files(paths, feed, symbol, again, as_json)


@load_app.command("parquet")
def load_parquet(
    paths: list[Path],
    feed: Feed = "file",
    symbol: Annotated[str | None, typer.Option(help="Symbol of files without this column.")] = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Load Parquet files with the columns of `cift data export`, or those of CSV files."""
    _load_files(paths, feed, symbol, again, as_json)


Wanted = Annotated[str, typer.Option("--symbols", help="Symbols, separated by commas.")]
FirstDay = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
LastDay = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; default: the first.")
]


@load_app.command("alpaca")
def load_alpaca(
    symbols: Wanted, from_: FirstDay, to: LastDay = None, again: Again = False, as_json: AsJson = False
) -> None:
    """Load trades and quotes from Alpaca (CIFT_ALPACA_KEY, …_SECRET, …_FEED)."""
    _load_provider("alpaca", symbols, from_, to or from_, again, as_json)


@load_app.command("massive")
def load_massive(
    symbols: Wanted, from_: FirstDay, to: LastDay = None, again: Again = False, as_json: AsJson = False
) -> None:
    """Load trades and quotes from Massive, formerly Polygon (CIFT_MASSIVE_KEY)."""
    _load_provider("massive", symbols, from_, to or from_, again, as_json)


def _load_provider(
    provider: providers.Provider, symbols: str, first: datetime, last: datetime, again: bool, as_json: bool
) -> None:
    names = [name.strip().upper() for name in symbols.split(",") if name.strip()]
    try:
        settings = MarketSettings.read({**os.environ, "CIFT_MARKET": provider})
        settings.check()
        wanted = providers.units(provider, names, first.date(), last.date())
    except ValueError as problem:
        raise Failed("usage", str(problem)) from None
    loaded = asyncio.run(_run_provider(wanted, settings, again))
    if as_json:
        output.print_json(vars(loaded))
    else:
        output.console.print(
            f"{loaded.ticks:,} ticks of {loaded.files} days in {loaded.messages:,} messages"
            + (f"; {loaded.skipped} were loaded before (--again)" if loaded.skipped else "")
        )


async def _run_provider(
    wanted: list[providers.Unit], settings: MarketSettings, again: bool
) -> loading.Loaded:
    running = maintenance.local_settings()
    platform = Platform(running)
    notes = loading.CompletedLoads(running.data / "cli" / "loads.json")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("ticks", total=None)

        def progress(unit: providers.Unit, ticks: int) -> None:
            bars.update(task, advance=ticks, description=unit.key)

        try:
            return await providers.load(wanted, settings, platform.ticks, notes, progress, again=again)
        except (FeedRejected, FeedUnavailable) as problem:
            raise Failed("provider", str(problem)) from None
        except CiftError as problem:
            raise Failed(problem.code, problem.message) from None
        finally:
            await platform.close()


def _load_files(paths: list[Path], feed: str, symbol: str | None, again: bool, as_json: bool) -> None:
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise Failed("no_such_file", f"{missing[0]} is not a file")
    name = symbol.upper() if symbol else None
    sources = [loading.Source(path, feed, partial(files.messages, path, feed, name)) for path in paths]
    _load(sources, {}, again, as_json)


def _load(
    sources: list[loading.Source], factors: dict[str, loading.Factors], again: bool, as_json: bool
) -> None:
    loaded = asyncio.run(_run(sources, factors, again))
    summary = vars(loaded) | {"factors": sorted(factors)}
    if as_json:
        output.print_json(summary)
    else:
        output.console.print(
            f"{loaded.ticks:,} ticks of {loaded.files} files in {loaded.messages:,} messages"
            + (f"; {loaded.skipped} files were loaded before (--again)" if loaded.skipped else "")
        )


async def _run(
    sources: list[loading.Source], factors: dict[str, loading.Factors], again: bool
) -> loading.Loaded:
    settings = maintenance.local_settings()
    platform = Platform(settings)
    notes = loading.CompletedLoads(settings.data / "cli" / "loads.json")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
        task = bars.add_task("ticks", total=None)

        def progress(source: loading.Source, ticks: int) -> None:
            bars.update(task, advance=ticks, description=source.path.name)

        try:
            for symbol, found in factors.items():
                await platform.ticks.publish_factors(symbol, found)
            return await loading.load(sources, platform.ticks, notes, progress, again=again)
        except (lean.NotLean, files.NotTicks) as problem:
            raise Failed("not_ticks", str(problem)) from None
        except ValueError as problem:  # the codec refuses an invalid symbol or feed
            raise Failed("not_ticks", str(problem)) from None
        except CiftError as problem:
            raise Failed(problem.code, problem.message) from None
        finally:
            await platform.close()


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
    url = f"{credentials.load().url}{PREFIX}/market-data/history/{symbol}"
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
    limit: Limit = 60,
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
    path = f"/analytics/{report.value}" + (f"/{symbol}" if wanted else "")
    items = Client().pages(path, limit, public=bool(wanted), **wanted)
    output.show_list(items, _COLUMNS[report], "nothing", as_json)
