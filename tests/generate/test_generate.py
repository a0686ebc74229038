"""The derived files are committed, correct, and within the budget of connections."""

import shutil
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml

from cift.function import Function, Scale, every, http, on
from cift.generate import chart, files, pages
from cift.generate.needs import needs
from cift.host.loading import load_functions
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.journal import Batch
from cift.platform.postgres import Database
from cift.platform.tokens import Tokens, Verifier

ROOT = files.ROOT


def declared(declare: Any, function: Any) -> Function:
    module = types.ModuleType(f"functions.tests.{function.__name__}")
    sys.modules[module.__name__] = module
    function.__module__ = module.__name__
    found: Function = declare(function).__cift_function__
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the committed files, for tests that change them."""
    for path in (*files.derived(), files.VALUES):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def test_the_committed_files_match_the_declarations() -> None:
    """`make check` does the same by the command line."""
    assert files.generate(check=True) == []


def test_edited_and_missing_files_are_named_with_the_remedy_and_written_again(copy: Path) -> None:
    committed = {path: (copy / path).read_text() for path in files.derived()}
    for path, text in committed.items():
        if path == files.CATALOGUE:
            (copy / path).write_text(text.replace("Place an order", "Lose an order"))
        else:
            (copy / path).unlink()
    with pytest.raises(files.Stale) as stale:
        files.generate(check=True, root=copy)
    assert str(stale.value).endswith("; run `make generate`")
    assert all(path in str(stale.value) for path in committed)
    assert files.generate(check=False, root=copy) == list(committed)
    assert {path: (copy / path).read_text() for path in committed} == committed
    files.generate(check=True, root=copy)


def test_a_catalogue_without_its_marks_is_an_error(copy: Path) -> None:
    (copy / files.CATALOGUE).write_text("# Functions\n")
    with pytest.raises(pages.NoMarks, match="lacks the marks"):
        files.generate(check=False, root=copy)


def test_a_hundred_more_functions_with_a_database_fit_the_budget() -> None:
    async def read(database: Database) -> None: ...

    more = [declared(http("GET", f"/{n}", scope=None, scale=Scale(max=3)), read) for n in range(100)]
    values = yaml.safe_load((ROOT / files.VALUES).read_text())
    allowed = chart.Connections.of(values)
    assert chart.check_budget([*load_functions(), *more], allowed) >= 100 * 3 * chart.POOL_HTTP
    assert allowed.replicas > 1, "a pooler with one replica is a single point of failure"


def test_too_many_connections_are_an_error_with_the_sum_and_the_largest_users(copy: Path) -> None:
    values = {
        "postgres": {"maxConnections": 200},
        "pooler": {"replicas": 1, "connections": 40, "clientsMax": 30},
    }
    (copy / files.VALUES).write_text(yaml.safe_dump(values))
    with pytest.raises(chart.OverBudget) as over:
        files.generate(check=True, root=copy)
    total = chart.check_budget(load_functions(), chart.Connections(200, 1, 40, 100_000))
    assert f"can open {total} connections" in str(over.value) and "accepts only 30" in str(over.value)
    assert "trading.place_order 20" in str(over.value)


def test_the_budget_counts_every_connection_of_every_copy() -> None:
    async def read(database: Database) -> None: ...

    function = declared(http("GET", "/x", scope=None, scale=Scale(max=7)), read)
    assert chart.check_budget([function], chart.Connections(200, 2, 40, 14)) == 7 * chart.POOL_HTTP == 14
    with pytest.raises(chart.OverBudget, match="accepts only 13"):
        chart.check_budget([function], chart.Connections(200, 2, 40, 13))


def test_the_pooler_fits_the_servers_connections_during_a_rollout() -> None:
    assert chart.check_budget([], chart.Connections(140, 2, 40, 100)) == 0
    with pytest.raises(chart.OverBudget, match="can open 120 connections to PostgreSQL, but only 119"):
        chart.check_budget([], chart.Connections(139, 2, 40, 100))


def test_needs_are_derived_from_the_types() -> None:
    async def nothing() -> None: ...
    async def queries_engine(engine: Engine) -> None: ...
    async def own_rows(trader: Trader, database: Database) -> None: ...
    async def perhaps_own(trader: Trader | None, engine: Engine) -> None: ...
    async def public_keys(verifier: Verifier) -> None: ...
    async def sessions(tokens: Tokens) -> None: ...
    async def records(batch: Batch, database: Database) -> None: ...

    quiet = http("GET", "/x", scope=None, rate="none")
    assert needs(declared(quiet, nothing)) == frozenset()
    assert needs(declared(http("GET", "/x", scope=None), nothing)) == {"valkey"}
    assert needs(declared(http("GET", "/x", scope="read"), nothing)) == {"postgres", "valkey", "keys"}
    assert needs(declared(quiet, queries_engine)) == {"nats"}
    assert needs(declared(http("GET", "/x", scope="read"), own_rows)) == {
        "postgres",
        "nats",
        "valkey",
        "keys",
    }
    assert needs(declared(quiet, perhaps_own)) == {"postgres", "nats", "valkey", "keys"}
    assert needs(declared(quiet, public_keys)) == {"keys"}
    assert needs(declared(quiet, sessions)) == {"keys", "signing-keys"}
    assert needs(declared(on("ORDERS"), records)) == {"postgres"}
    assert needs(declared(every("1s"), queries_engine)) == {"nats"}


def test_the_chart_has_each_function_with_the_values_of_its_kind() -> None:
    found = yaml.safe_load((ROOT / "charts/cift/functions.gen.yaml").read_text())["functions"]
    assert {entry["function"] for entry in found.values()} == {function.name for function in load_functions()}
    order = found["trading-place-order"]
    assert (order["method"], order["path"], order["scope"]) == ("POST", "/api/v1/trading/orders", "trade")
    assert order["scale"]["min"] == 1 and order["timeoutSeconds"] > 0 and not order["public"]
    projector = found["trading-project-journal"]
    assert (projector["stream"], projector["batch"], projector["effects"]) == ("ORDERS", 500, False)
    assert found["auth-expire-tokens"]["everySeconds"] == 60
    assert found["feeds-replay-market"]["extras"] == ["polars"]
    live = found["streams-stream"]
    assert (live["kind"], live["path"], live["public"]) == ("ws", "/api/v1/market-data/ws/stream", True)
    assert {"nats", "postgres", "valkey", "keys"} <= set(live["needs"]) and live["postgresPool"] == 1
    routes = [(e["method"], e["path"]) for e in found.values() if e["kind"] == "http"]
    assert len(routes) == len(set(routes)), "two functions have the same route"


def test_only_the_order_path_has_a_minimum_scale() -> None:
    warm = {
        function.name for function in load_functions() if function.scale.min and function.kind != "daemon"
    }
    assert {"trading.place_order", "trading.project_journal"} <= warm
    warm &= {each.name for each in load_functions() if each.kind == "http"}
    assert not {name for name in warm if name.startswith(("auth.", "portfolio.", "market_data."))}
