"""`kubectl cift` as users run it: through kubectl, against a real API server and a real exchange.

There are no pods here, so --url names the exchange. tests/cluster tests the path through the gateway.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.operators.account_client import AccountClient
from tests.operators.cluster import Cluster, account
from tests.stack import ROOT, Stack, eventually
from tests.venue import Venue, refusal

pytestmark = pytest.mark.usefixtures("operator")
Plugin = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def plugin(cluster: Cluster, tmp_path: Path) -> Plugin:
    """A function that runs `kubectl cift …` with the kubeconfig of the cluster."""
    command = tmp_path / "bin" / "kubectl-cift"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cift.cli.kubectl "$@"\n')
    command.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CIFT_")}
    environment |= {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(cluster.kubeconfig),
        "PYTHONPATH": str(ROOT),
        "XDG_CONFIG_HOME": str(tmp_path),
    }

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["kubectl", "cift", *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def output(done: "subprocess.CompletedProcess[str]") -> str:
    """The output of a command that must succeed."""
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    """The error of a command that must fail, which is one line."""
    assert done.returncode == 1 and done.stdout == "", (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    assert line.startswith("kubectl cift: ")
    return line


async def test_accounts_orders_positions_and_books_are_shown(
    cluster: Cluster, namespace: str, client: AccountClient, venue: Venue, plugin: Plugin, exchange: Stack
) -> None:
    assert output(plugin("accounts", "-n", namespace)).strip() == "no accounts"
    cluster.apply(account("ada", namespace))
    ada = client.trader(cluster.account("ada", namespace))
    symbol = await venue.instrument()
    await client.hold(ada, symbol, "3")
    resting = await venue.order(ada, symbol, side="buy", quantity="7", limit_price="99")
    at = ("-n", namespace, "--url", exchange.url)

    (listed,) = json.loads(output(plugin("accounts", "-n", namespace, "--json")))
    assert (listed["name"], listed["owner"], listed["ready"]) == ("ada", "ada@example.org", "True")
    assert listed["account_id"] == ada.account_id
    assert "ada@example.org" in output(plugin("accounts", "-A"))

    (order,) = json.loads(output(plugin("orders", "ada", *at, "--json")))
    assert (order["id"], order["symbol"]) == (resting["id"], symbol)
    assert len(json.loads(output(plugin("orders", "ada", *at, "--status", "all", "--json")))) == 2
    assert symbol in output(plugin("orders", "ada", *at))
    (position,) = json.loads(output(plugin("positions", "ada", *at, "--json")))
    assert (position["symbol"], position["quantity"]) == (symbol, "3")
    seen = json.loads(output(plugin("book", symbol, "--url", exchange.url, "--json")))
    assert seen["bids"][0]["price"] == "99" and "99.00" in output(
        plugin("book", symbol, "--url", exchange.url)
    )


async def test_trading_is_halted_and_resumed(
    cluster: Cluster, namespace: str, venue: Venue, plugin: Plugin, exchange: Stack
) -> None:
    """Uses the admin key that the operator keeps in its namespace, here `default`."""
    eventually(lambda: cluster.get("secret", "cift-admin", "default"), "the operator has made an admin key")
    symbol, user = await venue.instrument(), venue.user()
    at = ("--url", exchange.url, "--exchange", "default")
    assert json.loads(output(plugin("halt", symbol, *at, "--json"))) == {"symbol": symbol, "halted": True}
    refusal(await venue.try_order(user, symbol), 422, "instrument_halted")
    assert "false" in output(plugin("resume", symbol, *at)).lower()
    await venue.order(user, symbol)


async def test_each_error_is_one_line(
    cluster: Cluster, namespace: str, plugin: Plugin, exchange: Stack
) -> None:
    at = ("-n", namespace, "--url", exchange.url)
    assert '"nobody" not found' in refused(plugin("orders", "nobody", *at))
    assert "unknown_symbol" in refused(plugin("book", "NOSUCH", "--url", exchange.url))
    assert "unreachable" in refused(plugin("book", "SPY", "--url", "http://127.0.0.1:1"))
    assert "no gateway of CIFT Markets in this cluster" in refused(plugin("book", "SPY"))
    assert f"no gateway of CIFT Markets in {namespace}" in refused(
        plugin("book", "SPY", "--exchange", namespace)
    )
    assert '"cift-admin" not found' in refused(plugin("halt", "SPY", "--exchange", namespace, *at[2:]))
    assert "context" in refused(plugin("accounts", "--context", "nowhere"))
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "other-gateway",
                "namespace": namespace,
                "labels": {"app.kubernetes.io/part-of": "cift"},
            },
            "spec": {"ports": [{"port": 443}], "clusterIP": "None"},
        }
    )
    assert "uses TLS" in refused(plugin("book", "SPY", "--exchange", namespace))
