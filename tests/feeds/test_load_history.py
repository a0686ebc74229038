"""`cift data load alpaca|massive`: a provider's history is archived once, also after interruptions."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from tests.feeds import alpaca_server, massive_server
from tests.feeds.alpaca_server import AlpacaServer
from tests.feeds.massive_server import MassiveServer
from tests.stack import ROOT, Stack
from tests.target import DEADLINE_S

DAY = "2024-05-06"
"""A Monday. New York's midnight is 04:00 UTC."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def archiving(tmp_path_factory: Any) -> AsyncIterator[Stack]:
    """An exchange for this module that archives ticks."""
    folder: Path = tmp_path_factory.mktemp("archiving") / "data"
    url = f"chdb://{folder / 'clickhouse'}"
    stack = await asyncio.to_thread(lambda: Stack.start(folder, clickhouse_url=url))
    yield stack
    await asyncio.to_thread(stack.stop)


async def cift(stack: Stack, provider: str, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Runs `cift data load …`; returns exit code, stdout and stderr."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIFT_")}
    environment |= {"CIFT_DATA": str(stack.folder)} | {f"CIFT_{k.upper()}": v for k, v in settings.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cift.cli", "data", "load", provider, *arguments),
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(120):
        out, error = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), error.decode()


def counts(out: str) -> dict[str, int]:
    """The printed counts that are not 0, and always files, skipped, ticks and messages."""
    always = ("files", "skipped", "ticks", "messages")
    return {name: count for name, count in json.loads(out).items() if count or name in always}


async def history(stack: Stack, symbol: str, kind: str, feed: str, rows: int) -> list[str]:
    """The CSV lines of that day, when there are at least `rows`."""
    query = {
        "kind": kind,
        "feed": feed,
        "format": "csv",
        "start": f"{DAY}T00:00:00Z",
        "end": "2024-05-08T00:00:00Z",
    }
    lines: list[str] = []
    async with httpx.AsyncClient(base_url=stack.url, timeout=DEADLINE_S) as client:
        for _ in range(600):
            response = await client.get(f"/api/v1/market-data/history/{symbol}", params=query)
            lines = response.text.splitlines()[1:] if response.status_code == 200 else []
            if len(lines) >= rows:
                break
            await asyncio.sleep(0.1)
    return lines


async def test_alpacas_history_is_loaded_once_and_continues_after_an_interruption(archiving: Stack) -> None:
    async with AlpacaServer() as server:
        server.page_rows = 2
        server.add_history(
            "trades",
            *(
                alpaca_server.trade("SPY", n, 510.0 + n, 10 + n) | {"t": f"{DAY}T14:30:00.00000000{n}Z"}
                for n in range(5)
            ),
            alpaca_server.trade("SPY", 9, 999.0, 1) | {"t": f"{DAY}T03:59:59Z"},  # on the day before
        )
        server.add_history("quotes", alpaca_server.quote("SPY", 510.0, 510.1) | {"t": f"{DAY}T14:30:00Z"})
        settings = {
            "alpaca_key": alpaca_server.KEY,
            "alpaca_secret": alpaca_server.SECRET,
            "alpaca_rest_url": server.rest_url,
        }
        arguments = ("--symbols", "SPY", "--from", DAY, "--to", "2024-05-07", "--json")
        server.failures = [(200, {}), (403, {})]  # an empty page, then a rejection
        code, _, error = await cift(archiving, "alpaca", *arguments, **settings)
        assert code == 1 and "forbidden (403)" in error and alpaca_server.SECRET not in error
        code, out, error = await cift(archiving, "alpaca", *arguments, "--again", **settings)
        assert code == 0, error
        assert counts(out) == {"files": 4, "skipped": 0, "ticks": 6, "new": 6, "messages": 2}
        trades = await history(archiving, "SPY", "trades", "alpaca", 5)
        assert len(trades) == 5 and "510" in trades[0] and "514" in trades[-1]
        assert len(await history(archiving, "SPY", "quotes", "alpaca", 1)) == 1

        code, out, _ = await cift(archiving, "alpaca", *arguments, **settings)
        assert json.loads(out)["skipped"] == 4
        code, out, _ = await cift(archiving, "alpaca", *arguments, "--again", **settings)
        assert counts(out) == {"files": 4, "skipped": 0, "ticks": 6, "same": 6, "messages": 0}
        assert len(await history(archiving, "SPY", "trades", "alpaca", 5)) == 5, (
            "loading twice changes nothing"
        )


async def test_massives_history_is_loaded(archiving: Stack) -> None:
    async with MassiveServer() as server:
        at_ns = 1_715_005_800 * 10**9  # 14:30 UTC on that day
        server.history = {
            "/v3/trades/IBM": [
                massive_server.OLD_TRADE | {"sip_timestamp": at_ns + n, "id": str(n), "price": 160.5 + n}
                for n in range(3)
            ],
            "/v3/quotes/IBM": [massive_server.OLD_QUOTE | {"sip_timestamp": at_ns}],
        }
        settings = {"massive_key": massive_server.KEY, "massive_rest_url": server.rest_url}
        code, out, error = await cift(
            archiving, "massive", "--symbols", "ibm", "--from", DAY, "--json", **settings
        )
        assert code == 0, error
        assert counts(out) == {"files": 2, "skipped": 0, "ticks": 4, "new": 4, "messages": 2}
        trades = await history(archiving, "IBM", "trades", "massive", 3)
        assert len(trades) == 3 and "160.5" in trades[0]


async def test_errors_of_loading_are_one_line(archiving: Stack) -> None:
    code, _, error = await cift(archiving, "alpaca", "--symbols", "SPY", "--from", DAY)
    assert code != 0 and "CIFT_ALPACA_KEY is not set" in error and "Traceback" not in error
    code, _, error = await cift(
        archiving, "massive", "--symbols", "SPY", "--from", DAY, "--to", "2024-05-01", massive_key="k"
    )
    assert code != 0 and "is not a range" in error and "Traceback" not in error
