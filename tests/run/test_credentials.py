"""On one machine other users cannot reach the stores: passwords, and files that only the owner can open."""

import asyncio
import stat
from pathlib import Path
from urllib.parse import urlsplit

import nats
import nats.errors
import pytest

from tests.stack import Stack


async def _connect(url: str) -> None:
    async def quiet(error: Exception) -> None:
        pass

    client = await nats.connect(url, allow_reconnect=False, max_reconnect_attempts=0, error_cb=quiet)
    await client.close()


async def test_nats_asks_for_its_password(exchange: Stack) -> None:
    url = urlsplit(exchange.stores["nats_url"])
    assert url.password and len(url.password) >= 32
    for login in ("", "cift:@", "cift:wrong@", f"{url.password}@"):
        with pytest.raises((nats.errors.Error, OSError, asyncio.TimeoutError)):
            await _connect(f"nats://{login}{url.hostname}:{url.port}")
    await _connect(exchange.stores["nats_url"])


def test_only_the_owner_reads_the_passwords(exchange: Stack) -> None:
    for name in ("run.json", "nats.conf"):
        mode = stat.S_IMODE((exchange.folder / name).stat().st_mode)
        assert mode == 0o600, f"{name}: {mode:o}"
    assert stat.S_IMODE(exchange.folder.stat().st_mode) == 0o700


def test_no_log_or_command_line_shows_the_password(exchange: Stack) -> None:
    password = urlsplit(exchange.stores["nats_url"]).password
    assert password and password not in exchange.printed
    for log in (exchange.folder / "logs").iterdir():
        assert password not in log.read_text(), log.name
    for pid in exchange.run_file["children"].values():
        assert password not in Path(f"/proc/{pid}/cmdline").read_text()
