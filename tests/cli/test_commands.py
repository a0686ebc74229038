"""The command line as a process, against a real exchange."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cift import bootstrap
from cift.auth import managed
from cift.cli import watch
from cift.feeds.monotonic import Monotonic
from cift.feeds.outside import command
from cift.feeds.quotes import Quote
from cift.feeds.timeline import tick_of
from cift.kernel.ids import uuid7
from cift.platform.stores import Platform
from tests.stack import PASSWORD, Stack, eventually
from tests.target import DEADLINE_S, submit

FEED = 8
"""The feed of these tests."""
SYMBOL = "CLI.T"
"""The instrument of these tests."""
_numbers = Monotonic(lambda: 0)


class Terminal:
    """`cift` with its own configuration folder."""

    def __init__(self, exchange: Stack, home: Path) -> None:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name == "CIFT_MATCHD" or not name.startswith("CIFT_")
        }
        self.environment = kept | {"CIFT_URL": exchange.url, "XDG_CONFIG_HOME": str(home)}
        self._folder = str(exchange.folder)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cift.cli", *arguments],
            env=self.environment | {"CIFT_DATA": self._folder} | environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stderr}"
        assert done.stderr == ""
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.ok(*arguments, "--json"))

    def refused(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert (done.returncode, done.stdout) == (1, ""), f"{arguments}: {done.stdout}{done.stderr}"
        assert done.stderr.startswith("cift: ") and done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("cift: ")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def quoted(platform: Platform) -> AsyncIterator[None]:
    """An instrument quoted 13.90 to 13.91."""
    engine = platform.engine
    await bootstrap.send_facts(engine)
    await submit(engine, bootstrap.instrument(SYMBOL))
    house_account = uuid7()
    await submit(
        engine,
        {
            "type": "open_account",
            "account": house_account,
            "kind": "margin",
            "role": "house",
            "currency": "USD",
        },
    )
    await submit(
        engine, {"type": "define_feed", "feed": FEED, "house": house_account, "silence_ns": 3_600 * 10**9}
    )
    await submit(
        engine, command(tick_of(SYMBOL, Quote(0, 1_390, 5_000, 1_391, 5_000)), FEED, _numbers.next())
    )
    yield
    await submit(engine, command(tick_of(SYMBOL, Quote(0, 1_390, 0, 1_391, 0)), FEED, _numbers.next()))


@pytest.fixture
def terminal(exchange: Stack, tmp_path: Path) -> Terminal:
    """A terminal that is logged in as a new user."""
    user = exchange.new_user()
    terminal = Terminal(exchange, tmp_path)
    assert terminal.run("login", user.username, CIFT_PASSWORD=PASSWORD).returncode == 0
    return terminal


def test_register_logs_in_and_logout_removes_the_credentials(exchange: Stack, tmp_path: Path) -> None:
    terminal = Terminal(exchange, tmp_path)
    name = f"cli{uuid7()[-12:]}"
    done = terminal.run("register", name, f"{name}@example.org", "--json", CIFT_PASSWORD=PASSWORD)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["username"] == name
    assert terminal.json("me")["username"] == name
    assert PASSWORD not in (tmp_path / "cift" / "credentials").read_text()
    terminal.ok("logout")
    assert terminal.refused("me").startswith("not_logged_in: ")


def test_a_wrong_password_is_reported_in_one_line(exchange: Stack, tmp_path: Path) -> None:
    user = exchange.new_user()
    done = Terminal(exchange, tmp_path).run("login", user.username, CIFT_PASSWORD="not the password")
    assert done.returncode == 1 and done.stderr.startswith("cift: invalid_login: ")


def test_keys_are_created_used_listed_and_revoked(terminal: Terminal, tmp_path: Path) -> None:
    made = terminal.json("keys", "create", "bot", "--scopes", "read,trade")
    assert made["key"].startswith("cift_")
    assert [each["id"] for each in terminal.json("keys", "list")].count(made["id"]) == 1
    by_key = {"XDG_CONFIG_HOME": str(tmp_path / "other"), "CIFT_API_KEY": made["key"]}
    allowed = terminal.run("buying-power", **by_key)
    assert allowed.returncode == 0, allowed.stderr
    assert terminal.run("deposit", "5", **by_key).stderr.startswith("cift: "), "the key has no scope funds"
    elsewhere = {"XDG_CONFIG_HOME": str(tmp_path / "third")}
    login = terminal.run("login", "--api-key", made["key"], **elsewhere)
    assert login.returncode == 0, login.stderr
    assert terminal.run("me", **elsewhere).returncode == 0
    terminal.ok("keys", "revoke", made["id"])
    # A process without Valkey applies the revocation a few seconds later.
    done = eventually(
        lambda: (last := terminal.run("me", **by_key)).returncode and last, "the key is refused"
    )
    assert done.returncode == 1 and done.stderr.count("\n") == 1


@pytest.mark.usefixtures("quoted")
def test_market_data_needs_no_login(exchange: Stack, tmp_path: Path) -> None:
    nobody = Terminal(exchange, tmp_path)
    (quote,) = nobody.json("quote", SYMBOL)
    assert (float(quote["bid"]), float(quote["ask"])) == (13.9, 13.91)
    assert SYMBOL in nobody.ok("quote", SYMBOL)
    book = nobody.json("book", SYMBOL, "--depth", "3")
    assert book["bids"] and book["asks"]
    assert "█" in nobody.ok("book", SYMBOL, "--once")
    listed = {each["symbol"]: each["name"] for each in nobody.json("symbols")}
    assert listed[SYMBOL] is None and all(listed[symbol] for symbol in bootstrap.SYMBOLS)
    assert "SPDR S&P 500 ETF Trust" in nobody.ok("symbols", "s&p 500")
    assert isinstance(nobody.json("trades", SYMBOL, "--source", "all"), list)
    assert isinstance(nobody.json("bars", SYMBOL, "--interval", "1m"), list)
    assert nobody.refused("quote", "NOPE").startswith("unknown_symbol: ")
    partly = nobody.run("quote", "NOPE", SYMBOL)
    assert (partly.returncode, partly.stderr) == (1, "cift: unknown_symbol: There is no instrument NOPE\n")
    assert SYMBOL in partly.stdout


@pytest.mark.usefixtures("quoted")
async def test_an_administrator_names_an_instrument(
    exchange: Stack, tmp_path: Path, terminal: Terminal, platform: Platform
) -> None:
    administrator = Terminal(exchange, tmp_path / "administrator")
    administrator.environment["CIFT_API_KEY"] = await managed.create_admin_key(
        "tests", platform.database, platform.settings
    )
    details = administrator.json(
        "instrument", "change", SYMBOL.lower(), "--name", "Command & Line", "--calendar", "24/7"
    )
    assert details == {"symbol": SYMBOL, "name": "Command & Line", "calendar": "24/7"}
    (listed,) = terminal.json("symbols", "command & LINE")
    assert (listed["symbol"], listed["in_regular_hours"]) == (SYMBOL, True)
    assert "Command & Line" in terminal.ok("symbols", SYMBOL)
    assert "XNYS" in administrator.ok("instrument", "change", SYMBOL, "--name", "", "--calendar", "")
    assert administrator.refused("instrument", "change", SYMBOL, "--calendar", "XXXX").startswith(
        "unknown_calendar: "
    )
    assert administrator.refused("instrument", "change", "NOPE", "--name", "Nothing").startswith(
        "unknown_symbol: "
    )
    assert administrator.run("instrument", "change", SYMBOL).returncode == 2
    assert terminal.refused("instrument", "change", SYMBOL, "--name", "Sly").startswith("scope_required: ")
    listing = tmp_path / "listing.csv"
    listing.write_text("symbol,name,tick,lot\nCLI.A,First,0.05,10\nCLI/B,Second,,0.0000001\n")
    added = administrator.json("instrument", "load", str(listing))
    assert [(each["symbol"], each["tick"], each["lot"], each["calendar"]) for each in added] == [
        ("CLI.A", "0.05", "10", "XNYS"),
        ("CLI/B", "0.01", "0.0000001", "24/7"),
    ]
    assert administrator.json("instrument", "load", str(listing)) == added, "a second load changes nothing"
    assert administrator.refused("instrument", "add", "CLI.A", "--tick", "0.01").startswith(
        "instrument_exists"
    )
    (listed,) = terminal.json("symbols", "CLI/B")
    assert listed["name"] == "Second"
    listing.write_text("symbol,tik\nCLI.A,1\n")
    assert "unknown column tik" in administrator.refused("instrument", "load", str(listing))


@pytest.mark.usefixtures("quoted")
def test_the_book_is_redrawn_in_a_terminal_until_ctrl_c(exchange: Stack, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cift.cli", "book", SYMBOL],
        env=Terminal(exchange, tmp_path).environment | {"TERM": "xterm"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        # A background process ignores SIGINT, and its children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(slave)
    try:
        printed = ""
        deadline = time.monotonic() + DEADLINE_S
        while printed.count(SYMBOL) < 3 and time.monotonic() < deadline:
            if select.select([master], [], [], 0.5)[0]:
                printed += os.read(master, 65_536).decode(errors="replace")
        assert printed.count(SYMBOL) >= 3, f"the book is redrawn: {printed[-500:]}"
        assert "█" in printed and "Traceback" not in printed
        process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + DEADLINE_S
        while process.poll() is None and time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:  # read on, or the writer blocks
                try:
                    printed += os.read(master, 65_536).decode(errors="replace")
                except OSError:  # EIO: the other side is closed
                    break
        assert process.wait(DEADLINE_S) == 0, printed[-2000:]
        assert "Traceback" not in printed
    finally:
        process.kill()
        process.wait()
        os.close(master)


@pytest.mark.usefixtures("quoted")
def test_a_filled_order_shows_in_fills_positions_and_portfolio(terminal: Terminal) -> None:
    check = terminal.json("orders", "place", SYMBOL, "buy", "10", "--check")
    assert check["admitted"] is True
    refused = terminal.run("orders", "place", SYMBOL, "buy", "90000000", "--check", "--json")
    assert refused.returncode == 1 and json.loads(refused.stdout)["admitted"] is False
    filled = terminal.json("orders", "place", SYMBOL, "buy", "10")
    assert filled["status"] == "filled" and filled["filled_quantity"] == "10"
    (fill,) = terminal.json("fills")
    assert fill["order_id"] == filled["id"] and fill["quantity"] == "10"
    (position,) = terminal.json("positions")
    assert (position["symbol"], position["quantity"]) == (SYMBOL, "10")
    assert terminal.json("positions", SYMBOL)["quantity"] == "10"
    assert terminal.json("portfolio")["positions"][0]["symbol"] == SYMBOL
    assert (
        SYMBOL in terminal.ok("portfolio")
        and SYMBOL in terminal.ok("positions")
        and SYMBOL in terminal.ok("fills")
    )


@pytest.mark.usefixtures("quoted")
def test_closed_trades_performance_and_a_statement(terminal: Terminal, tmp_path: Path) -> None:
    terminal.ok("orders", "place", SYMBOL, "buy", "10")
    terminal.ok("orders", "place", SYMBOL, "sell", "4")
    (trade,) = terminal.json("closed-trades", SYMBOL, "--method", "fifo")
    assert (trade["symbol"], trade["quantity"]) == (SYMBOL, "4") and SYMBOL in terminal.ok("closed-trades")
    assert terminal.json("performance")["trades"]["closed_trades"] == 1
    assert SYMBOL in terminal.ok("performance", "--days")
    closed = terminal.json("orders", "close", SYMBOL)
    assert (closed["side"], closed["filled_quantity"]) == ("sell", "6")
    day = datetime.now(UTC).strftime("%Y-%m")
    assert terminal.json("statement", day)["period"] == day and day in terminal.ok("statement", day)
    file = tmp_path / "statement.csv"
    terminal.ok("statement", day, "--file", str(file))
    assert file.read_text().startswith("created_at,kind,")
    assert terminal.refused("statement", "2026").startswith("invalid_period: ")
    assert terminal.run("statement", day, "-o", "statement.pdf").returncode == 2


@pytest.mark.usefixtures("quoted")
def test_resting_orders_are_replaced_listed_and_canceled(terminal: Terminal) -> None:
    resting = terminal.json("orders", "place", SYMBOL, "buy", "20", "--limit", "13.50", "-c", "mine-1")
    again = terminal.json("orders", "place", SYMBOL, "buy", "20", "--limit", "13.50", "-c", "mine-1")
    assert again["id"] == resting["id"], "a repeated client order id places one order"
    conflict = terminal.refused("orders", "place", SYMBOL, "buy", "21", "--limit", "13.50", "-c", "mine-1")
    assert conflict.startswith("idempotency_conflict: ")
    changed = terminal.json("orders", "replace", resting["id"], "--quantity", "15", "--limit", "13.40")
    assert (changed["quantity"], float(changed["limit_price"])) == ("15", 13.4)
    (listed,) = terminal.json("orders", "list", "--status", "open")
    assert listed["id"] == resting["id"] and resting["id"] in terminal.ok("orders", "list")
    assert "mine-1" in terminal.ok("orders", "get", resting["id"])
    (canceled,) = terminal.json("orders", "cancel", resting["id"])
    assert canceled["status"] == "canceled"
    for price in ("13.10", "13.20", "13.30"):
        terminal.ok("orders", "place", SYMBOL, "buy", "1", "--limit", price)
    assert terminal.json("orders", "cancel-all")["canceled"] == 3
    assert terminal.json("orders", "list", "--status", "open") == []
    assert len(terminal.json("orders", "list")) == 4, "all orders by default"
    assert len(terminal.json("orders", "list", "--status", "closed")) == 4
    assert "no orders" in terminal.ok("orders", "list", "--status", "open")


@pytest.mark.usefixtures("quoted")
def test_a_refusal_names_reason_and_field(terminal: Terminal) -> None:
    place = ("orders", "place", SYMBOL, "buy")
    assert terminal.refused(*place, "1", "--limit", "13.005").startswith("price_not_on_tick: ")
    assert terminal.refused(*place, "999999").startswith("insufficient_buying_power: ")
    assert "quantity" in terminal.refused(*place, "--", "-1")
    assert "quantity" in terminal.refused(*place, "nan")
    assert "not" in terminal.refused("orders", "get", uuid7())


def test_deposit_withdraw_and_reset_change_the_cash(terminal: Terminal) -> None:
    terminal.ok("deposit", "250.50")
    terminal.ok("withdraw", "50.50")
    kinds = [(each["kind"], float(each["amount"])) for each in terminal.json("transactions")]
    assert ("deposit", 250.5) in kinds and ("withdrawal", -50.5) in kinds
    assert float(terminal.json("buying-power")["cash"]) == 100_200
    terminal.ok("reset", "--cash", "5000", "--yes")
    assert float(terminal.json("portfolio")["cash"]) == 5_000
    assert "5,000" in terminal.ok("buying-power")
    assert terminal.refused("withdraw", "5001").startswith("insufficient_cash: ")


@pytest.mark.usefixtures("quoted")
def test_verify_replays_the_journal(terminal: Terminal) -> None:
    done = terminal.run("verify", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)


@pytest.mark.usefixtures("quoted")
def test_a_rebuilt_read_model_equals_the_earlier_one(terminal: Terminal) -> None:
    terminal.ok("orders", "place", SYMBOL, "buy", "3")
    before = (
        terminal.json("portfolio"),
        terminal.json("fills"),
        terminal.json("orders", "list", "--status", "all"),
    )
    summary = terminal.json("rebuild", "--yes")
    assert summary["equal"] is True and summary["compared"] is True and summary["differing"] == []
    assert summary["orders"] >= 1 and summary["order_fills"] >= 1
    after = (
        terminal.json("portfolio"),
        terminal.json("fills"),
        terminal.json("orders", "list", "--status", "all"),
    )
    assert after == before
    assert "all rows are equal to the earlier ones" in terminal.ok("rebuild", "--yes")


def test_verify_and_rebuild_report_that_no_exchange_runs(terminal: Terminal, tmp_path: Path) -> None:
    for arguments in (("verify",), ("rebuild", "--yes")):
        done = terminal.run(*arguments, CIFT_DATA=str(tmp_path / "nothing"))
        assert done.returncode == 1 and done.stderr.startswith("cift: not_running: ")


@pytest.mark.usefixtures("quoted")
def test_watch_shows_own_orders_fills_and_quotes(terminal: Terminal, exchange: Stack) -> None:
    command = [sys.executable, "-m", "cift.cli", "watch", SYMBOL, "--json"]
    process = subprocess.Popen(command, env=terminal.environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        first = json.loads(process.stdout.readline())  # the subscription is made: the current quote is first
        assert (first["type"], first["symbol"]) == ("quote", SYMBOL)
        placed = terminal.json("orders", "place", SYMBOL, "buy", "1")
        found: dict[str, dict[str, Any]] = {}
        while not {"order", "fill"} <= found.keys():
            message = json.loads(process.stdout.readline())
            found[message["type"]] = message
            text = watch.line(message).plain
            assert SYMBOL in text and "Traceback" not in text
        assert found["order"]["order"]["id"] == found["fill"]["order_id"] == placed["id"]
    finally:
        process.kill()
        process.communicate()
