"""`cift backtest`: run a strategy on recorded ticks, and check that it does not look ahead."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from cift.cli import output
from cift.cli.client import Failed
from cift.cli.output import AsJson

if TYPE_CHECKING:
    from cift.backtest import Strategy, Ticks

app = typer.Typer(
    help="Run a strategy on recorded ticks, on the engine that trades live.", no_args_is_help=True
)

File = Annotated[Path, typer.Argument(help="Python file with one class derived from cift.backtest.Strategy.")]
Symbols = Annotated[str, typer.Option(help="Symbols, separated by commas. Default: all of the recording.")]
Data = Annotated[
    Path | None, typer.Option(help="Recording, in a format of docs/formats.md. Default: the sample day.")
]
Day = Annotated[str, typer.Option(help="Day of the recording, YYYY-MM-DD. Default: its first.")]
From = Annotated[str, typer.Option("--from", help="First time of the day, HH:MM.")]
To = Annotated[str, typer.Option("--to", help="Time at which the run ends, HH:MM.")]
Cash = Annotated[float, typer.Option(help="Cash at the start.")]
Leverage = Annotated[int, typer.Option(help="Gross exposure in percent of equity; above 100: short sales.")]
Latency = Annotated[float, typer.Option(help="Milliseconds from a tick to the arrival of the order.")]
Maker = Annotated[int, typer.Option(help="Fee of a maker in parts per million; negative: a rebate.")]
Taker = Annotated[int, typer.Option(help="Fee of a taker in parts per million.")]


@app.command("run")
def run(
    strategy: File,
    symbols: Symbols = "",
    data: Data = None,
    day: Day = "",
    from_: From = "00:00",
    to: To = "24:00",
    cash: Cash = 100_000.0,
    leverage: Leverage = 100,
    latency_ms: Latency = 5.0,
    maker_ppm: Maker = 0,
    taker_ppm: Taker = 30,
    seed: Annotated[int, typer.Option(help="Seed of the jitter of the latency.")] = 0,
    jitter_ms: Annotated[float, typer.Option(help="Each order takes up to this much longer.")] = 0.0,
    out: Annotated[
        Path | None, typer.Option(help="HTML file of the tearsheet. Default: STRATEGY.html.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a strategy, print its figures, and write a tearsheet. The file is executed with your rights."""
    from cift.backtest import Settings
    from cift.backtest import run as run_strategy
    from cift.backtest.statistics import of, verdict
    from cift.backtest.tearsheet import html

    make = strategy_of(strategy)
    ticks = _ticks(data, symbols, day, from_, to)
    settings = Settings(cash, leverage, maker_ppm, taker_ppm, latency_ms, jitter_ms, seed)
    with Progress(console=Console(stderr=True), transient=True, disable=as_json) as bar:
        task = bar.add_task("ticks", total=len(ticks))
        try:
            result = run_strategy(make(), ticks, settings, lambda done: bar.update(task, completed=done))
        except ValueError as problem:
            raise Failed("invalid_request", str(problem)) from problem
    figures = of(result)
    sheet = out or strategy.with_suffix(".html")
    sheet.write_text(html(result, strategy.stem.replace("_", " ")))
    if as_json:
        output.print_json({**asdict(figures), "verdict": verdict(figures), "tearsheet": str(sheet)})
        return
    for name, value in asdict(figures).items():
        typer.echo(f"{name:14} {value:>16,.4f}" if isinstance(value, float) else f"{name:14} {value:>16,}")
    for reason, count in sorted(result.refused.items()):
        typer.echo(f"{count:,} orders ended: {reason}")
    typer.echo(verdict(figures))
    typer.echo(f"tearsheet: {sheet}")


@app.command("check")
def check(
    strategy: File,
    symbols: Symbols = "",
    data: Data = None,
    day: Day = "",
    from_: From = "00:00",
    to: To = "24:00",
    leverage: Leverage = 100,
    as_json: AsJson = False,
) -> None:
    """Run a strategy on all ticks and on truncated ticks: its earlier orders must be the same.

    Exit code 1: they differ, so that it used later data, a clock, or chance without a seed.
    """
    from cift.backtest import Settings, check_strategy

    ticks = _ticks(data, symbols, day, from_, to)
    findings = check_strategy(strategy_of(strategy), ticks, Settings(leverage_percent=leverage))
    if as_json:
        output.print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            typer.echo(("ok      " if finding.ok else "PROBLEM ") + finding.text)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def strategy_of(file: Path) -> Callable[[], Strategy]:
    """The one strategy class that the file defines."""
    from cift.backtest import Strategy

    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None or not file.is_file():
        raise Failed("usage", f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [
        each
        for each in vars(module).values()
        if inspect.isclass(each) and issubclass(each, Strategy) and each.__module__ == file.stem
    ]
    if len(found) != 1:
        raise Failed("usage", f"{file} must define one class derived from Strategy; it defines {len(found)}")
    return found[0]


def _ticks(data: Path | None, symbols: str, day: str, from_: str, to: str) -> Ticks:
    from cift.backtest import read
    from cift.feeds.sample import FOLDER, SampleMissing

    wanted = [symbol.strip().upper() for symbol in symbols.split(",") if symbol.strip()]
    try:
        ticks = read(data or FOLDER, wanted, day)
    except SampleMissing as problem:
        raise Failed("unreadable", str(problem)) from problem
    part = ticks.between(_ns(from_), _ns(to))
    if not len(part):
        raise Failed("usage", f"the recording has no tick from {from_} to {to}")
    return part


def _ns(time: str) -> int:
    """`HH:MM` as ns since midnight."""
    try:
        hours, minutes = (int(part) for part in time.split(":"))
    except ValueError:
        raise Failed("usage", f"a time must be HH:MM, got {time!r}") from None
    return (hours * 60 + minutes) * 60 * 10**9
