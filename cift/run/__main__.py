"""`python -m cift.run`: start an exchange on this machine and keep it running (`make run`).

python -m cift.run                 start; Ctrl-C stops
python -m cift.run up              start in the background and wait until it is open
python -m cift.run down            stop it, and wait until it has stopped
python -m cift.run logs            follow the log files
python -m cift.run key             a new API key for the first user of the running exchange
python -m cift.run key --admin     one that may halt trading, edit instruments and accounts (/api/v1/admin)
python -m cift.run shell db|nats [SUBJECT]|valkey|clickhouse|questdb
python -m cift.run restore FILE [--json]   make a new data folder from a backup; then start as usual
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from cift.backup import BackupError
from cift.feeds import recording, sample
from cift.feeds.settings import MarketSettings, SettingInvalid
from cift.host.listen import CannotListen, listen
from cift.platform.migrate import MigrationError, migrate
from cift.platform.settings import InvalidSettings, Settings
from cift.platform.stores import Platform
from cift.run import background, servers, shells, welcome
from cift.run.folder import DataFolder, UnusableFolder
from cift.run.supervisor import CannotStart, Supervisor

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

_CLEAR = (
    BackupError,
    UnusableFolder,
    CannotStart,
    CannotListen,
    InvalidSettings,
    MigrationError,
    SettingInvalid,
    sample.SampleMissing,
    background.NotDone,
    shells.NoShell,
    welcome.NotWelcome,
)


def show(text: str) -> None:
    print(text, flush=True)


class Exchange:
    """One run of the exchange."""

    def __init__(self, settings: Settings, folder: DataFolder) -> None:
        self.settings, self.folder = settings, folder
        self.supervisor = Supervisor(self._changed)
        self._addresses: dict[str, Any] = {}
        self._is_open = False

    def _changed(self) -> None:
        """Write run.json: a child has a new pid."""
        self.folder.write(
            "run.json",
            {
                "pid": os.getpid(),
                "open": self._is_open,
                **self._addresses,
                "children": {child.program.name: child.pid for child in self.supervisor.children},
            },
        )

    async def start(self) -> None:
        """Start everything. Raises one of `_CLEAR`."""
        settings, folder, start = self.settings, self.folder, self.supervisor.start
        servers.matchd_binary()
        servers.relay_binary()
        market_settings = MarketSettings.read(os.environ)
        market_settings.check()
        if market_settings.market == "replay" and market_settings.sample_folder != sample.FOLDER:
            wanted = (market_settings.sample_folder, market_settings.symbols, market_settings.replay_day)
            await asyncio.to_thread(recording.check, *wanted)
        listen(settings.http_host, settings.http_port).close()  # report a port in use before all else
        if folder.was_interrupted:
            show("An earlier first start was interrupted; continuing it.")
        keys = settings.keys_folder
        if not list(keys.glob("*.pem")):
            # Imported here, as below, because it is rarely needed and would stay in the supervisor's memory.
            from cift.platform.tokens import make_key

            make_key(keys)
        began = time.monotonic()
        if servers.make_postgres(folder):
            show(f"  created a database in {folder.path}")
        show("  starting PostgreSQL")
        await start(servers.postgres(folder))
        await servers.make_database(folder)
        self._addresses["postgres_url"] = servers.postgres_url(folder)
        ran = await migrate(self._addresses["postgres_url"])
        if ran:
            show(f"  ran {len(ran)} database migrations, to {ran[-1]}")
        show("  starting NATS JetStream and Valkey")
        nats, self._addresses["nats_url"] = servers.nats_server(folder)
        valkey, self._addresses["valkey_url"] = servers.valkey(folder)
        await start(nats)
        await servers.prepare_streams(self._addresses["nats_url"], settings.journal_stream)
        await start(valkey)
        show("  starting the matching engine (it replays its journal)")
        matchd, self._addresses["matchd_metrics"] = servers.matchd(
            folder, self._addresses["nats_url"], settings
        )
        await start(matchd)
        show("  starting the functions")
        stores = ("postgres_url", "nats_url", "valkey_url")
        environment = {f"CIFT_{name.upper()}": self._addresses[name] for name in stores}
        environment |= {"CIFT_DATA": str(folder.path), "CIFT_TOKEN_KEYS": str(keys.absolute())}
        # Not in run.json: only the functions' process can open an embedded engine. (The market's process only
        # checks whether there is a store for its ticks.)
        environment["CIFT_CLICKHOUSE_URL"] = servers.clickhouse_url(folder)
        self._addresses["http_url"] = servers.http_url(settings)
        await start(servers.functions(folder, environment, settings))
        if settings.events:
            events, self._addresses["events_metrics"] = servers.events(folder, environment)
            await start(events)
            relay, self._addresses["relay_metrics"] = servers.relay(
                folder, self._addresses["nats_url"], settings
            )
            await start(relay)
        if settings.market != "none":
            show(f"  starting the market ({settings.market})")
            market, self._addresses["market_metrics"] = servers.market(folder, environment, settings)
            await start(market)
        await self._welcome()
        self._is_open = True
        self._changed()
        show(f"\n(started in {time.monotonic() - began:.1f} s; logs in {folder.path / 'logs'})")

    async def _welcome(self) -> None:
        url = self._addresses["http_url"]
        if self.folder.is_complete:
            show(welcome.later_start(url, await self._status()))
            return
        demo = await welcome.make_demo(self.folder, url)
        symbol = welcome.SYMBOL
        if self.settings.market != "none":
            show("  waiting for the market's first quotes")
            symbol = await welcome.wait_for_quote(url)
        key = await welcome.make_key(demo, url, "first key")
        self.folder.complete()
        show(welcome.first_start(url, key, symbol))

    async def _status(self) -> messages.StatusAnswer:
        platform = Platform(
            Settings(data=self.folder.path, nats_url=self._addresses["nats_url"], shard=self.settings.shard)
        )
        try:
            return await platform.engine.query({"status": {}})
        finally:
            await platform.close()

    async def stop(self) -> None:
        await self.supervisor.stop()
        self.folder.release()


async def run(settings: Settings) -> None:
    """Start, wait for SIGINT or SIGTERM, stop."""
    folder = DataFolder(settings.data)
    folder.acquire()
    exchange = Exchange(settings, folder)
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, signalled.set)
    starting = asyncio.create_task(exchange.start())
    waiting = asyncio.create_task(signalled.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            await waiting
        show("\nStopping …")
    finally:
        starting.cancel()
        waiting.cancel()
        await asyncio.gather(starting, waiting, return_exceptions=True)
        await exchange.stop()
    show("Everything has stopped.")


def _running(settings: Settings) -> dict[str, Any]:
    try:
        found: dict[str, Any] = orjson.loads((settings.data / "run.json").read_bytes())
    except (OSError, ValueError):
        sys.exit(f"no exchange runs with the data folder {settings.data}: start it with `make run`")
    return found


async def _new_key(settings: Settings) -> None:
    url = _running(settings).get("http_url")
    demo = welcome.demo_of(DataFolder(settings.data))
    if url is None or demo is None:
        sys.exit("the exchange is still starting: try again when it is open")
    show(await welcome.make_key(demo, url, f"made {time.strftime('%Y-%m-%d %H:%M')}"))


async def _new_admin_key(settings: Settings) -> None:
    """Print a key with the scope admin. Access to the data folder authorizes it."""
    from cift.auth import managed

    platform = Platform(Settings(data=settings.data, postgres_url=_running(settings)["postgres_url"]))
    try:
        name = f"made {time.strftime('%Y-%m-%d %H:%M')}"
        show(await managed.create_admin_key(name, platform.database, settings))
    finally:
        await platform.close()


def main() -> None:
    arguments = sys.argv[1:]
    try:
        settings = Settings.load()
        match arguments:
            case []:
                asyncio.run(run(settings))
            case ["key"]:
                asyncio.run(_new_key(settings))
            case ["key", "--admin"]:
                asyncio.run(_new_admin_key(settings))
            case ["restore", file]:
                from cift.run import restoring

                show(restoring.describe(asyncio.run(restoring.restore(settings, Path(file))), settings.data))
            case ["restore", file, "--json"]:
                from cift.run import restoring

                summary = asyncio.run(restoring.restore(settings, Path(file)))
                print(orjson.dumps(asdict(summary), option=orjson.OPT_INDENT_2).decode())
            case ["up"]:
                background.up(settings.data)
            case ["down"]:
                background.down(settings.data)
            case ["logs"]:
                background.logs(settings.data)
            case ["shell", name, *rest] if name in shells.NAMES:
                shells.open_shell(name, rest, _running(settings), settings)
            case _:
                sys.exit(__doc__)
    except _CLEAR as error:
        sys.exit(f"CIFT Markets cannot start: {error}" if not arguments else str(error))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
