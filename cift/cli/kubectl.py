"""`kubectl cift`: accounts of a cluster, their orders and positions, and halts.

kubectl finds this command on the PATH by its name, `kubectl-cift`. Accounts are TradingAccount resources.
Their orders and positions come from the exchange's HTTP API, with the key in their Secret: only a user who
may read the Secret sees them. Halts use the key that the operator stores in the Secret `cift-admin`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from cift.cli import account, market, orders, output
from cift.cli.client import Client, Failed, segment
from cift.cli.cluster import Kubectl
from cift.cli.credentials import Credentials
from cift.cli.output import AsJson

ADMIN_SECRET = "cift-admin"  # noqa: S105 (a name)
HELP = """
Accounts of CIFT Markets in this cluster.

  [cyan]kubectl cift accounts -A[/]        every TradingAccount
  [cyan]kubectl cift orders ada[/]         open orders of the account of this name
  [cyan]kubectl cift positions ada[/]      its positions
  [cyan]kubectl cift book SPY[/]           the order book
  [cyan]kubectl cift halt SPY[/]           stop trading in SPY until `resume`

The command finds the exchange's gateway and forwards a port to it. --url gives an address instead.
"""
ACCOUNT_COLUMNS = [
    output.text("namespace", "namespace"),
    output.text("name", "name"),
    output.text("owner", "owner"),
    output.text("type", "type"),
    output.text("state", "state"),
    output.money("equity", "equity"),
    output.number("open orders", "open_orders"),
    output.text("ready", "ready"),
    output.text("why not", "reason"),
]
HALT_COLUMNS = [output.text("symbol", "symbol"), output.text("halted", "halted")]

app = typer.Typer(
    name="kubectl cift",
    help=HELP,
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
Namespace = Annotated[str | None, typer.Option("--namespace", "-n", help="Namespace of the account.")]
Context = Annotated[str | None, typer.Option("--context", help="Context of the kubeconfig.")]
Kubeconfig = Annotated[str | None, typer.Option("--kubeconfig", help="Path of the kubeconfig.")]
Url = Annotated[
    str | None,
    typer.Option("--url", help="Address of the exchange. Default: its gateway, through a forwarded port."),
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most this many, newest first.")]
Exchange = Annotated[str | None, typer.Option("--exchange", help="Namespace of the exchange.")]


@app.command()
def accounts(
    namespace: Namespace = None,
    everywhere: Annotated[
        bool, typer.Option("--all-namespaces", "-A", help="List accounts of all namespaces.")
    ] = False,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    as_json: AsJson = False,
) -> None:
    """List TradingAccounts with owner, state and equity."""
    where = ("-A",) if everywhere else _in(namespace)
    found = _kubectl(context, kubeconfig).get("tradingaccounts.cift.markets", *where)["items"]
    output.show_list([_account(each) for each in found], ACCOUNT_COLUMNS, "no accounts", as_json)


@app.command("orders")
def list_orders(
    name: Annotated[str, typer.Argument(help="Name of the TradingAccount.")],
    namespace: Namespace = None,
    status: Annotated[
        orders.Status, typer.Option("--status", help="Status of the orders.")
    ] = orders.Status.open,
    limit: Limit = 50,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    url: Url = None,
    exchange: Exchange = None,
    as_json: AsJson = False,
) -> None:
    """List the orders of an account; by default the open ones."""
    kubectl = _kubectl(context, kubeconfig)
    with _client(kubectl, url, exchange, _key_of(kubectl, name, namespace)) as client:
        items = client.pages("/trading/orders", limit, status=status.value)
    output.show_list(items, orders.LIST_COLUMNS, "no orders", as_json)


@app.command()
def positions(
    name: Annotated[str, typer.Argument(help="Name of the TradingAccount.")],
    namespace: Namespace = None,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    url: Url = None,
    exchange: Exchange = None,
    as_json: AsJson = False,
) -> None:
    """List the positions of an account with their profit or loss."""
    kubectl = _kubectl(context, kubeconfig)
    with _client(kubectl, url, exchange, _key_of(kubectl, name, namespace)) as client:
        items = client.get("/trading/positions")["items"]
    output.show_list(items, account.POSITION_COLUMNS, "no positions", as_json)


@app.command()
def book(
    symbol: str,
    depth: Annotated[
        int, typer.Option("--depth", "-d", min=1, max=50, help="Price levels on each side.")
    ] = 10,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    url: Url = None,
    exchange: Exchange = None,
    as_json: AsJson = False,
) -> None:
    """Show the order book once."""
    with _client(_kubectl(context, kubeconfig), url, exchange) as client:
        levels = client.call(
            "GET", f"/market-data/book/{segment(symbol)}", query={"depth": depth}, public=True
        )
    if as_json:
        output.print_json(levels)
    else:
        output.console.print(market.draw_book(levels, depth))


@app.command()
def halt(
    symbol: str,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    url: Url = None,
    exchange: Exchange = None,
    as_json: AsJson = False,
) -> None:
    """Halt trading in a symbol. New orders are refused; open ones may be cancelled."""
    _set_halt("halt", symbol, _kubectl(context, kubeconfig), url, exchange, as_json)


@app.command()
def resume(
    symbol: str,
    context: Context = None,
    kubeconfig: Kubeconfig = None,
    url: Url = None,
    exchange: Exchange = None,
    as_json: AsJson = False,
) -> None:
    """Resume trading in a halted symbol."""
    _set_halt("resume", symbol, _kubectl(context, kubeconfig), url, exchange, as_json)


def _set_halt(
    verb: str, symbol: str, kubectl: Kubectl, url: str | None, exchange: str | None, as_json: bool
) -> None:
    if exchange is None and url is None:
        exchange = kubectl.gateway(None)[0]
    key = kubectl.key(ADMIN_SECRET, *_in(exchange))
    with _client(kubectl, url, exchange, key) as client:
        answer = client.call("POST", f"/admin/instruments/{segment(symbol)}/{verb}")
    output.show_record(answer, HALT_COLUMNS, as_json)


def _kubectl(context: str | None, kubeconfig: str | None) -> Kubectl:
    given = (("--context", context), ("--kubeconfig", kubeconfig))
    return Kubectl(tuple(f"{name}={value}" for name, value in given if value))


def _in(namespace: str | None) -> tuple[str, ...]:
    return ("-n", namespace) if namespace else ()


def _key_of(kubectl: Kubectl, name: str, namespace: str | None) -> str:
    """The API key of a TradingAccount. Raises Failed if it has none."""
    found = kubectl.get("tradingaccount.cift.markets", name, *_in(namespace))
    secret = ((found.get("status") or {}).get("credentials") or {}).get("secretName")
    if secret is None:
        why = _account(found)["reason"] or "the operator has not processed it yet"
        raise Failed("no_credentials", f"{name} has no credentials: {why}")
    return kubectl.key(secret, *_in(namespace))


@contextmanager
def _client(
    kubectl: Kubectl, url: str | None, exchange: str | None, key: str | None = None
) -> Iterator[Client]:
    if url is not None:
        yield Client(Credentials(url=url.rstrip("/"), api_key=key))
        return
    with kubectl.forward(*kubectl.gateway(exchange)) as forwarded:
        yield Client(Credentials(url=forwarded, api_key=key))


def _account(resource: dict[str, Any]) -> dict[str, Any]:
    """A row of the table of accounts."""
    status = resource.get("status") or {}
    summary = status.get("summary") or {}
    ready: dict[str, Any] = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), {})
    return {
        "namespace": resource["metadata"]["namespace"],
        "name": resource["metadata"]["name"],
        "owner": resource["spec"]["owner"],
        "type": resource["spec"]["type"],
        "state": status.get("phase"),
        "equity": summary.get("equity"),
        "open_orders": summary.get("openOrders"),
        "account_id": status.get("accountId"),
        "ready": ready.get("status"),
        "reason": ready.get("message") if ready.get("status") != "True" else None,
    }


def main() -> None:
    """The console script `kubectl-cift`."""
    try:
        app()
    except Failed as problem:
        sys.stderr.write(f"kubectl cift: {problem}\n")
        sys.exit(1)
    except BrokenPipeError:  # the program that reads our output has closed the pipe
        sys.stderr.close()
        sys.exit(1)


if __name__ == "__main__":
    main()
