"""The command tree. `main` turns an error into a line on stderr and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cift import __version__
from cift.cli import (
    account,
    backtest,
    data,
    dlq,
    identity,
    instruments,
    maintenance,
    market,
    orders,
    performance,
    watch,
)
from cift.cli.client import Failed

HELP = """
CIFT Markets from the command line.

Start the exchange with [bold]make run[/], then:

  [cyan]cift register ada ada@example.org[/]       an account with 100,000 USD
  [cyan]cift quote SPY IBM[/]                      bid, ask and last price
  [cyan]cift orders place SPY buy 10[/]            buy ten shares now
  [cyan]cift book SPY[/]                           watch the book

Every command accepts [bold]--json[/]. CIFT_URL is the exchange's address (default http://127.0.0.1:8000).
CIFT_API_KEY replaces a login.
"""

app = typer.Typer(
    name="cift",
    help=HELP,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_PANELS: dict[str, list[Callable[..., None]]] = {
    "Trading": [orders.fills, watch.watch],
    "Account": [
        account.portfolio,
        account.positions,
        account.buying_power,
        account.transactions,
        performance.performance,
        performance.closed_trades,
        performance.statement,
        account.deposit,
        account.withdraw,
        account.reset,
    ],
    "Market": [market.quote, market.book, market.trades, market.bars, market.symbols],
    "Identity": [
        identity.register,
        identity.login,
        identity.logout,
        identity.me,
        identity.password,
        identity.reset_password,
        identity.verify_email,
        identity.sessions,
    ],
    "Administration": [
        maintenance.verify,
        maintenance.rebuild,
        maintenance.backup,
        maintenance.restore,
        identity.user,
    ],
}
app.add_typer(orders.app, name="orders", rich_help_panel="Trading")
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(_command.__name__.replace("_", "-"), rich_help_panel=_panel)(_command)
app.add_typer(data.app, name="data", rich_help_panel="Market")
app.add_typer(backtest.app, name="backtest", rich_help_panel="Research")
app.add_typer(identity.app, name="keys", rich_help_panel="Identity")
app.add_typer(instruments.app, name="instrument", rich_help_panel="Administration")
app.add_typer(dlq.app, name="dlq", rich_help_panel="Administration")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cift {__version__}")
        raise typer.Exit


@app.callback()
def root(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options that come before the command."""


def main() -> None:
    """The console script."""
    try:
        code = app(standalone_mode=False)
    except Failed as problem:
        sys.stderr.write(f"cift: {problem}\n")
        sys.exit(2 if problem.code == "usage" else 1)
    except typer.Abort:
        sys.stderr.write("cift: aborted\n")
        sys.exit(1)
    except TyperException as problem:
        _show_usage(problem)
        sys.exit(problem.exit_code)
    except BrokenPipeError:  # the program that reads our output has closed the pipe
        sys.stderr.close()
        sys.exit(1)
    if isinstance(code, int):  # of typer.Exit
        sys.exit(code)


def _show_usage(problem: TyperException) -> None:
    """Wrong usage in one line, as other errors; a group without a command shows its help."""
    message = " ".join(problem.format_message().split())
    context = getattr(problem, "ctx", None)
    if context is None or (not context.args and message.startswith("Usage:")):
        typer.echo(problem.format_message(), err=True)
        return
    sys.stderr.write(f"cift: usage: {message} (see {context.command_path} --help)\n")
