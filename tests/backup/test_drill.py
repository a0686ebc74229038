"""Backup and restore with real servers and the real commands: trade, back up, delete everything, restore into
empty servers, and continue trading."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cift import backup
from cift.install import backups
from cift.kernel.errors import Refused
from cift.kernel.money import NANOS
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from tests.stack import ROOT, Stack, User, eventually
from tests.target import DEADLINE_S, until
from tests.venue import FEED, HOUSE_ACCOUNT, TRADING, Venue, number

COMMAND_TIMEOUT_S = 300
DETAILS = "SELECT * FROM instrument_details ORDER BY symbol"


def command(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command for the exchange of this data folder."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CIFT_")}
    environment |= {name: os.environ[name] for name in ("CIFT_MATCHD",) if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env={**environment, "CIFT_DATA": str(folder)},
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=False,
    )


def done(folder: Path, *arguments: str) -> str:
    ran = command(folder, *arguments)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@asynccontextmanager
async def venue_of(stack: Stack) -> AsyncIterator[Venue]:
    platform = Platform(stack.settings())
    async with httpx.AsyncClient(base_url=stack.url, timeout=DEADLINE_S) as http:
        venue = Venue(stack, http, platform)
        try:
            await venue.command(
                type="open_account", account=HOUSE_ACCOUNT, kind="margin", role="house", currency="USD"
            )
            await venue.command(type="define_feed", feed=FEED, house=HOUSE_ACCOUNT, silence_ns=3600 * NANOS)
        except Refused as refused:
            assert refused.code == "account_exists"  # a restored exchange has it already already
        yield venue
    await platform.close()


async def trade(venue: Venue, buyer: User, seller: User, symbol: str, times: int = 3) -> None:
    """Fills between two users, a resting order, a cancelled order, and a deposit."""
    for at in range(times):
        await venue.order(seller, symbol, side="sell", quantity="5", limit_price=f"{100 + at}.25")
        await venue.market(buyer, symbol, "buy", "4")
    await venue.order(buyer, symbol, side="buy", limit_price="97.50")
    canceled = await venue.order(buyer, symbol, side="buy", limit_price="96.50")
    assert (await venue.call(buyer, "DELETE", f"{TRADING}/orders/{canceled['id']}")).status_code == 200
    paid = await venue.call(buyer, "POST", f"{TRADING}/account/deposit", {"amount": "1234.56"})
    assert paid.status_code == 201, paid.text


async def books(venue: Venue, *users: User) -> dict[str, Any]:
    """Portfolio, orders, fills, positions and transactions of the users."""
    found: dict[str, Any] = {}
    for user in users:
        portfolio = await venue.get(user, "portfolio")
        assert number(portfolio["cash"]) > 0
        for name in ("updated_at", "as_of", "at", "time"):
            portfolio.pop(name, None)
        found[user.username] = {
            "portfolio": portfolio,
            "orders": (await venue.get(user, "orders", limit=100))["items"],
            "fills": (await venue.get(user, "fills", limit=100))["items"],
            "positions": (await venue.get(user, "positions"))["items"],
            "transactions": (await venue.get(user, "transactions", limit=100))["items"],
        }
    return found


def stores(stack: Stack) -> Settings:
    """The settings of the running exchange's stores."""
    return stack.settings()


def verified(folder: Path) -> dict[str, Any]:
    """The output of `cift verify --json`, which must be ok."""
    found: dict[str, Any] = json.loads(done(folder, "cift.cli", "verify", "--json"))
    assert found["ok"]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "exchange"


async def test_a_deleted_exchange_is_restored_completely(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    with Stack.start(folder) as stack:
        buyer, seller = stack.new_user(), stack.new_user()
        async with venue_of(stack) as venue:
            symbol = await venue.instrument()
            await trade(venue, buyer, seller, symbol)
            await venue.platform.database.execute(
                "INSERT INTO instrument_details (symbol, name, calendar) VALUES ($1, 'Only here', 'XLON'),"
                " ('SPY', 'Changed name', NULL)"
                " ON CONFLICT (symbol) DO UPDATE SET name = excluded.name",
                symbol,
            )
            details = await venue.platform.database.fetch(DETAILS)
            before = await books(venue, buyer, seller)
        printed = done(folder, "cift.cli", "backup", str(file))
        assert "records of the journal" in printed
        state = verified(folder)["state_hash"]
    shutil.rmtree(folder)

    printed = done(folder, "cift.cli", "restore", str(file))
    assert "Start it with make run" in printed
    with Stack.start(folder) as stack:
        async with venue_of(stack) as venue:
            assert await books(venue, buyer, seller) == before
            # The details too, including those that replace a row of a migration.
            assert await venue.platform.database.fetch(DETAILS) == details
            # Password and key still work, and the resting order can be filled.
            login = {"username": buyer.username, "password": buyer.password}
            assert (await venue.call(None, "POST", "/api/v1/auth/login", login)).status_code == 200
            resting = [order for order in before[buyer.username]["orders"] if order["status"] == "new"]
            sold = await venue.order(seller, symbol, side="sell", limit_price="97.50")
            assert sold["status"] == "filled"
            filled = await venue.get_order(buyer, resting[0]["id"])
            assert (filled["status"], number(filled["average_fill_price"])) == ("filled", number("97.50"))
            newcomer = stack.new_user()
            await trade(venue, newcomer, seller, symbol, times=1)
        after = verified(folder)
        assert after["state_hash"] != state and after["epoch"] >= 2
        rebuilt = json.loads(done(folder, "cift.cli", "rebuild", "--yes", "--json"))
        assert rebuilt["equal"], "the restored and continued read model equals the journal"


async def test_a_read_model_older_than_the_journal_catches_up(folder: Path, tmp_path: Path) -> None:
    """The database of one backup and the journal of a later one: the projectors add the missing rows."""
    old, new = tmp_path / "old.zip", tmp_path / "new.zip"
    with Stack.start(folder) as stack:
        buyer, seller = stack.new_user(), stack.new_user()
        async with venue_of(stack) as venue:
            symbol = await venue.instrument()
            await trade(venue, buyer, seller, symbol, times=1)
            await books(venue, buyer, seller)
            first = await backup.make(stores(stack), old)
            await trade(venue, buyer, seller, symbol, times=4)
            before = await books(venue, buyer, seller)
            second = await backup.make(stores(stack), new)
    assert second.journal_records > first.journal_records
    shutil.rmtree(folder)

    done(folder, "cift.cli", "restore", str(new))
    with Stack.start(folder) as stack:
        # Replace the database by an older one while matchd and the other servers run.
        settings = stores(stack)
        # Without relay no projector runs, and the event functions must not remember the newer offsets.
        stack.kill("relay", signal.SIGSTOP)
        stack.kill("events")
        await empty(settings)
        await backup.restore(settings, old, only="database")
        stack.kill("relay", signal.SIGCONT)
        async with venue_of(stack) as venue:
            stack.wait_ready(120)

            async def same() -> bool:
                try:
                    return await books(venue, buyer, seller) == before
                except AssertionError:  # read_model_behind
                    return False

            await until(same, "the books are as before")
        assert json.loads(done(folder, "cift.cli", "rebuild", "--yes", "--json"))["equal"]


async def empty(settings: Settings) -> None:
    import asyncpg

    connection = await asyncpg.connect(settings.postgres_url)
    try:
        names = await backup.database.tables(connection)
        # Restarting functions may write, so one statement locks all tables.
        await connection.execute(f"TRUNCATE {', '.join(names)}")
    finally:
        await connection.close()


async def test_a_backup_under_load_is_consistent(folder: Path, tmp_path: Path) -> None:
    """Users trade during the backup. The restored exchange passes verify, and its fills are balanced."""
    file = tmp_path / "copy.zip"
    with Stack.start(folder) as stack:
        buyer, seller = stack.new_user(), stack.new_user()
        async with venue_of(stack) as venue:
            symbol = await venue.instrument()
            traded, stop = asyncio.Event(), asyncio.Event()

            async def keep_trading() -> int:
                rounds = 0
                while not stop.is_set():
                    await venue.order(seller, symbol, side="sell", quantity="1")
                    await venue.market(buyer, symbol, "buy", "1")
                    rounds += 1
                    traded.set()
                return rounds

            trading = asyncio.create_task(keep_trading())
            await asyncio.wait_for(traded.wait(), DEADLINE_S)
            summary = await backup.make(stores(stack), file)
            stop.set()
            assert await trading > 0
    shutil.rmtree(folder)
    done(folder, "cift.cli", "restore", str(file))
    with Stack.start(folder) as stack:
        async with venue_of(stack) as venue:
            mine = await books(venue, buyer, seller)
            bought = sum(number(fill["quantity"]) for fill in mine[buyer.username]["fills"])
            sold = sum(number(fill["quantity"]) for fill in mine[seller.username]["fills"])
            assert bought == sold > 0
        assert verified(folder)["records"] >= summary.journal_records
        assert json.loads(done(folder, "cift.cli", "rebuild", "--yes", "--json"))["equal"]


async def test_harmful_backups_and_restores_are_refused(exchange: Stack, tmp_path: Path) -> None:
    settings = stores(exchange)
    exchange.new_user()
    file = tmp_path / "copy.zip"
    await backup.make(settings, file)

    with pytest.raises(backup.BackupError, match="exists already"):
        await backup.make(settings, file)
    with pytest.raises(backup.BackupError, match="the database is not empty"):
        await backup.restore(settings, file)
    with pytest.raises(backup.BackupError, match="is not a complete backup"):
        (tmp_path / "half.zip").write_bytes(file.read_bytes()[:1000])
        await backup.restore(settings, tmp_path / "half.zip")
    with pytest.raises(backup.BackupError, match="of the shard main, not of other"):
        await backup.restore(exchange.settings(shard="other"), file)
    with pytest.raises(backup.BackupError, match="NATS has no stream OBJ_ENGINE_other"):
        await backup.make(exchange.settings(shard="other"), tmp_path / "other.zip")
    with pytest.raises(backup.BackupError, match="the database does not respond"):
        await backup.make(Settings(postgres_url="postgresql://127.0.0.1:1/x"), tmp_path / "none.zip")
    left = await asyncio.to_thread(lambda: sorted(path.name for path in tmp_path.iterdir()))
    assert left == ["copy.zip", "half.zip"], "no partial file is left"
    held = command(exchange.folder, "cift.cli", "restore", str(file))
    assert held.returncode == 1 and "an exchange already runs with the data folder" in held.stderr


async def test_damaged_bytes_are_detected(exchange: Stack, tmp_path: Path) -> None:
    file = tmp_path / "copy.zip"
    await backup.make(stores(exchange), file)
    original = file.read_bytes()
    with backup.archive.Reader(file) as archive:
        names = list(archive.manifest["sums"])
    assert "streams/ORDERS" in names and "postgres/users" in names
    for at in range(100, len(original) - 100, len(original) // 40):
        damaged = bytearray(original)
        damaged[at] ^= 0xFF
        file.write_bytes(damaged)
        try:
            with backup.archive.Reader(file):
                pass
        except backup.BackupError:
            continue
        # Bytes of the zip's directory that do not affect the content, such as times, may differ.
        with backup.archive.Reader(file) as archive:
            assert list(archive.manifest["sums"]) == names


async def test_the_job_keeps_the_newest_backups_backups(exchange: Stack, tmp_path: Path) -> None:
    """`python -m cift.install backup FOLDER KEEP`, as the chart's CronJob runs it."""
    for name in ("cift-20200101T000000Z.zip", "cift-20210101T000000Z.zip", "another.txt"):
        (tmp_path / name).write_text("old")
    printed = done(exchange.folder, "cift.install", "backup", str(tmp_path), "2")
    found = [path.name for path in backups.backups_in(tmp_path)]
    assert len(found) == 2 and found[0] == "cift-20210101T000000Z.zip" and found[1] in printed
    assert (tmp_path / "another.txt").exists()
    refused = command(exchange.folder, "cift.install", "restore", str(tmp_path), "1")
    assert refused.returncode == 1 and "not empty" in refused.stderr and "Traceback" not in refused.stderr
    nothing = command(exchange.folder, "cift.install", "restore", str(tmp_path / "none"), "1")
    assert nothing.returncode == 1 and "there is no backup" in nothing.stderr


async def test_a_stream_that_was_restored_is_not_restored_twice(exchange: Stack, tmp_path: Path) -> None:
    """A restore that failed after the streams can be repeated; a journal with newer records is never
    replaced."""
    quiet = tmp_path / "quiet.zip"
    await backup.make(stores(exchange), quiet)
    settings = stores(exchange)
    eventually(lambda: httpx.get(f"{exchange.url}/ready", timeout=DEADLINE_S).status_code == 200, "ready")
    await backup.restore(settings, quiet, only="journal")  # it exists as it was saved, so it is skipped
    exchange.new_user()
    with pytest.raises(backup.BackupError, match="NATS has another stream"):
        await backup.restore(settings, quiet, only="journal")
