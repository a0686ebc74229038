"""`cift data load`: recorded ticks and bars from files and providers into the tick stores of the exchange on
this machine."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cift.cli import credentials, maintenance, output, providers
from cift.cli.client import Failed
from cift.cli.output import AsJson
from cift.cli.stored_ticks import StoredTicks
from cift.feeds.feed import FeedRejected, FeedUnavailable
from cift.feeds.settings import MarketSettings
from cift.history import load as loading
from cift.history.replace import Counts, Replacing
from cift.kernel.clock import from_datetime, rfc3339_ns
from cift.kernel.errors import CiftError
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from cift.recordings import find, lean
from cift.recordings.find import AnyReading
from cift.recordings.problem import Unreadable
from cift.recordings.reader import Ticks
from cift.recordings.recognise import Options, parsed_map

FIRST_ROWS = 5
FEED = re.compile(r"[a-z0-9_-]{1,32}")


class FilesByDefault(typer.core.TyperGroup):
    """A group in which the name of a file stands for the command `files`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["files", *args]
        return list(super().parse_args(ctx, args))


app = typer.Typer(
    cls=FilesByDefault,
    help="Load ticks and bars: [bold]cift data load FILE…[/], or from a provider. A load replaces what the"
    " same feed has of the same span, and prints what was the same, new, replaced and removed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Symbols = Annotated[str | None, typer.Option("--symbols", help="Only these symbols, separated by commas.")]
From = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day (UTC).")]
To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day (UTC).")]
Again = Annotated[bool, typer.Option("--again", help="Send also what is stored already.")]


@app.command("files")
def load_files(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.")],
    feed: Annotated[
        str | None,
        typer.Option("--feed", help="Name of the source; default: the format's provider, or `file`."),
    ] = None,
    format_: Annotated[
        str | None,
        typer.Option("--format", help="A named format such as binance-trades; default: recognised."),
    ] = None,
    symbol: Annotated[
        str | None, typer.Option(help="The symbol; default: a column, or the file's name.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option("--map", help="Columns by our names: price=last,quantity=qty,at=when.")
    ] = None,
    unit: Annotated[
        str | None, typer.Option(help="What times are: s, ms, us, ns since 1970, or dmy, mdy for dates.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option("--tz", help="Zone of times without one: America/New_York, or -05:00.")
    ] = None,
    interval: Annotated[str | None, typer.Option(help="Length of the file's bars: 1m, 5m, 1h, 1d.")] = None,
    symbols: Symbols = None,
    from_: From = None,
    to: To = None,
    skip_invalid: Annotated[
        bool, typer.Option("--skip-invalid", help="Leave out rows without a price or quantity above 0.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print what is understood of the first rows; load nothing.")
    ] = False,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Load files of any named format, or with columns by name; packed or not."""
    try:
        options = Options(
            format_ or "",
            _unit(unit),
            _zone(zone),
            parsed_map(columns or ""),
            (symbol or "").upper(),
            interval or "",
            skip_invalid,
        )
        wanted = loading.Wanted(
            _feed(feed),
            frozenset(name.strip().upper() for name in (symbols or "").split(",") if name.strip()),
            0 if from_ is None else from_datetime(from_.replace(tzinfo=UTC)),
            2**63 - 1 if to is None else from_datetime(to.replace(tzinfo=UTC) + timedelta(days=1)),
        )
        readings = find.readings(paths, options)
        if dry_run:
            _first_look(readings, wanted, as_json)
            return
        factors = _factors(readings, wanted)
        _show(asyncio.run(_load(readings, wanted, factors, again)), as_json)
    except (Unreadable, lean.NotLean) as problem:
        raise Failed("not_loaded", str(problem)) from None


app.command("csv", hidden=True)(load_files)
app.command("parquet", hidden=True)(load_files)


@app.command("lean", hidden=True)
def load_lean(
    folder: Path,
    symbols: Symbols = None,
    from_: From = None,
    to: To = None,
    again: Again = False,
    as_json: AsJson = False,
) -> None:
    """Load ticks and split factors from a folder of QuantConnect Lean data."""
    if not lean.day_files(folder, "tick"):
        message = f"{folder} holds no tick/<symbol>/<yyyymmdd>_trade.zip or _quote.zip"
        raise Failed("not_loaded", message)
    files = [file.path for file in lean.day_files(folder, "tick")]
    if symbols is not None:
        names = {name.strip().upper() for name in symbols.split(",")}
        files = [file.path for file in lean.day_files(folder, "tick") if file.symbol in names]
    load_files(files, symbols=symbols, from_=from_, to=to, again=again, as_json=as_json)


def _unit(text: str | None) -> str:
    if text and text not in ("s", "ms", "us", "ns", "dmy", "mdy"):
        raise Unreadable(f"--unit is {text!r}; it must be s, ms, us, ns, dmy or mdy")
    return text or ""


def _zone(text: str | None) -> str:
    from zoneinfo import ZoneInfo

    from cift.recordings.values import offset_ns

    if text and offset_ns(text) is None:
        try:
            ZoneInfo(text)
        except (ValueError, OSError, KeyError):
            raise Unreadable(f"--tz is {text!r}; use a name such as America/New_York, or -05:00") from None
    return text or ""


def _feed(text: str | None) -> str:
    if text is None:
        return ""
    if FEED.fullmatch(text) is None:
        raise Unreadable(f"--feed is {text!r}; it must have 1 to 32 characters of a-z 0-9 - _")
    loading.check_feed(text)
    return text


def _factors(readings: list[AnyReading], wanted: loading.Wanted) -> dict[str, loading.Factors]:
    """The split factors of Lean's symbols. Raises NotLean."""
    found: dict[str, loading.Factors] = {}
    for reading in readings:
        if isinstance(reading, find.LeanTicks):
            symbol, market = reading.file.symbol, reading.file.path.parent.parent.parent
            if (not wanted.symbols or symbol in wanted.symbols) and symbol not in found:
                found[symbol] = lean.factors(market, symbol)
    return {symbol: factors for symbol, factors in found.items() if factors}


# --- first look


def _first_look(readings: list[AnyReading], wanted: loading.Wanted, as_json: bool) -> None:
    """Print the format, what was understood, and the first rows of each file."""
    looks: list[dict[str, Any]] = []
    for reading in readings:
        batches = reading.first()
        rows = [row for ticks in batches for row in _rows(ticks)]
        looks.append(
            {
                "file": reading.label,
                "understood": reading.notes(),
                "feed": wanted.feed or reading.provider,
                "rows": rows,
            }
        )
    if as_json:
        output.print_json(looks)
        return
    for look in looks:
        output.console.print(f"{look['file']}: {'; '.join(look['understood'])}", markup=False)
        _print_rows(look["rows"])
    output.console.print("Nothing was loaded (--dry-run).")


def _rows(ticks: Ticks) -> Iterator[dict[str, Any]]:
    for row in ticks.frame.head(FIRST_ROWS).iter_rows(named=True):
        shown: dict[str, Any] = {"kind": ticks.kind, "row": row["row"], "symbol": row["symbol"]}
        shown["at"] = rfc3339_ns(row["at"])
        for name, value in row.items():
            if name in ("row", "symbol", "at", "id"):
                continue
            if name == "side":
                shown[name] = {1: "buy", -1: "sell"}.get(value)
            elif name in ("conditions", "seconds"):
                shown[name] = value
            else:
                shown[name] = f"{Decimal(value).scaleb(-9).normalize():f}"
        yield shown


def _print_rows(rows: list[dict[str, Any]]) -> None:
    for kind in dict.fromkeys(row["kind"] for row in rows):
        table = Table(box=None, pad_edge=False)
        of_kind = [row for row in rows if row["kind"] == kind]
        for name in of_kind[0]:
            table.add_column(name)
        for row in of_kind:
            table.add_row(*("" if value is None else str(value) for value in row.values()))
        output.console.print(table)


# --- loading


async def _load(
    readings: list[AnyReading], wanted: loading.Wanted, factors: dict[str, loading.Factors], again: bool
) -> dict[str, Any]:
    async with _replacing(again) as (platform, replacing):
        surveys = await loading.load(readings, wanted, replacing)
        for symbol, rows in factors.items():
            replacing.note(await platform.ticks.publish_factors(symbol, rows))
        await replacing.archived()
    return {
        "files": len(readings),
        **_counts(replacing.counts),
        "left_out": sum(each.reading.skipped for each in surveys),
        "without_values": sum(each.reading.without_values for each in surveys),
        "factors": sorted(factors),
        "loaded": [
            {
                "file": found.reading.label,
                "understood": found.reading.notes(),
                "feed": feed,
                "symbol": symbol,
                "kind": kind,
                "ticks": span.rows,
                "first": rfc3339_ns(span.first_ns),
                "last": rfc3339_ns(span.last_ns),
            }
            for found in surveys
            for (feed, symbol, kind), span in found.spans.items()
        ],
    }


@asynccontextmanager
async def _replacing(again: bool) -> AsyncIterator[tuple[Platform, Replacing]]:
    """The platform and a load, with a progress bar; errors become lines."""
    settings = maintenance.local_settings()
    platform, stored = Platform(settings), StoredTicks(_url(settings))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bars:
            task = bars.add_task("ticks", total=None)

            def progress(symbol: str, ticks: int) -> None:
                bars.update(task, advance=ticks, description=symbol)

            yield platform, Replacing(platform.ticks, stored, progress, resend=again)
    except (FeedRejected, FeedUnavailable) as problem:
        raise Failed("provider", str(problem)) from None
    except CiftError as problem:
        raise Failed(problem.code, problem.message) from None
    finally:
        await stored.close()
        await platform.close()


def _url(settings: Settings) -> str:
    """The address of the exchange on this machine, whose stores the load writes to."""
    try:
        found: str = json.loads((settings.data / "run.json").read_text())["http_url"]
    except (OSError, ValueError, KeyError):
        return credentials.load().url
    return found


def _counts(counts: Counts) -> dict[str, int]:
    return dict(vars(counts))


def _show(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(summary)
        return
    for each in summary["loaded"]:
        output.console.print(
            f"{each['file']}: {each['ticks']:,} {each['kind']}s of {each['symbol']}"
            f" under the feed {each['feed']}, {each['first']} to {each['last']}"
            f" ({'; '.join(each['understood'])})",
            markup=False,
            soft_wrap=True,
        )
    for name, text in (
        ("left_out", "rows without a price or quantity above 0 were left out"),
        ("without_values", "rows without values were left out"),
    ):
        if summary[name]:
            output.console.print(f"{summary[name]:,} {text}")
    if summary["factors"]:
        output.console.print(f"split and dividend factors of {', '.join(summary['factors'])}")
    output.console.print(_sentence(summary))


def _sentence(summary: dict[str, Any]) -> str:
    """What is stored now, and what became of it."""
    changes = ", ".join(f"{summary[name]:,} {name}" for name in ("same", "new", "replaced", "removed"))
    return f"{summary['ticks']:,} ticks are stored of {summary['files']} files: {changes}"


# --- providers

Wanted = Annotated[str, typer.Option("--symbols", help="Symbols, separated by commas.")]
FirstDay = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
LastDay = Annotated[
    datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day; default: the first.")
]


@app.command("alpaca")
def load_alpaca(
    symbols: Wanted, from_: FirstDay, to: LastDay = None, again: Again = False, as_json: AsJson = False
) -> None:
    """Load trades and quotes from Alpaca (CIFT_ALPACA_KEY, …_SECRET, …_FEED)."""
    _load_provider("alpaca", symbols, from_, to or from_, again, as_json)


@app.command("massive")
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
    summary = asyncio.run(_run_provider(wanted, settings, again))
    if as_json:
        output.print_json(summary)
        return
    output.console.print(_sentence(summary).replace("files:", "days:"))
    if summary["skipped"]:
        output.console.print(f"{summary['skipped']} days were loaded before (--again loads them again)")


async def _run_provider(
    wanted: list[providers.Unit], settings: MarketSettings, again: bool
) -> dict[str, Any]:
    completed = providers.CompletedLoads(maintenance.local_settings().data / "cli" / "loads.json")
    async with _replacing(again=False) as (_, replacing):
        loaded = await providers.load(wanted, settings, replacing, completed, again=again)
    return {**vars(loaded), **_counts(replacing.counts)}
