"""From feeds and orders to bars and history over HTTP: a real exchange with the embedded store."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import polars as pl
import pytest
import pytest_asyncio
from cift_core import ticks

from cift.client import AskedWrong, Market
from cift.kernel.clock import rfc3339
from cift.platform.stores import Platform
from tests.stack import Stack, eventually
from tests.venue import MARKET, refusal

NANOS = 10**9
FEED = "testfeed"
BEGIN_NS = 1_700_000_000 * NANOS
TICKS = 250_000
LEAN_IBM = "equity/usa/tick/ibm/20131007_trade.zip"
DAY_NS = 86_400 * NANOS


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange of its own that keeps history."""
    folder = tmp_path_factory.mktemp("kept") / "data"
    with Stack.start(folder, clickhouse_url=f"chdb://{folder}/clickhouse") as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(kept: Stack) -> AsyncIterator[Platform]:
    platform = Platform(kept.settings(clickhouse_url="http://of.another.process"))
    yield platform
    await platform.close()


def columns(rows: int, begin: int = 0) -> dict[str, Any]:
    n = np.arange(begin, begin + rows, dtype=np.int64)
    return {
        "sequences": (n + 1).astype(np.uint64),
        "times": BEGIN_NS + n * 1_000_003,
        "prices": (100 * NANOS + n % 1000 * 10_000_000),
        "quantities": (1 + n % 7) * NANOS,
        "sides": (n % 3 - 1).astype(np.int8),
        "conditions": np.zeros(rows, np.uint32),
    }


async def publish(platform: Platform, symbol: str, rows: int, batch: int = 16_384, **changed: Any) -> None:
    for begin in range(0, rows, batch):
        c = columns(min(batch, rows - begin), begin) | changed
        data = ticks.encode_trades(FEED, symbol, *c.values())
        await platform.ticks.publish(FEED, symbol, "trade", begin + 1, data)


def get(kept: Stack, path: str, **query: Any) -> httpx.Response:
    return httpx.get(f"{kept.url}{MARKET}/{path}", params=query, timeout=60)


def items(kept: Stack, path: str, **query: Any) -> list[Any]:
    """What a list or history says; nothing while the symbol is not known."""
    answer = get(kept, path, **query)
    if answer.status_code == 404:
        return []
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["items"]
    return found


DAY = {"start": rfc3339(BEGIN_NS - BEGIN_NS % DAY_NS), "end": rfc3339(BEGIN_NS + DAY_NS), "feed": FEED}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def day(kept: Stack, platform: Platform) -> str:
    """A symbol with TICKS ticks in the store."""
    await publish(platform, "BIG.A", TICKS)

    def arrived() -> bool:
        bars = items(kept, "bars/BIG.A", interval="1d", **DAY)
        return bool(bars) and bars[0]["trades"] == TICKS

    eventually(arrived, "the ticks are in the store", 90)
    return "BIG.A"


async def test_regular_hours_are_those_of_the_instruments_calendar(
    kept: Stack, platform: Platform, day: str
) -> None:
    """The ticks are of 22:13 UTC, when New York has closed and what trades around the clock has not."""
    bars = f"bars/{day}"
    every = items(kept, bars, interval="1m", **DAY)
    assert every and items(kept, bars, interval="1m", session="regular", **DAY) == []
    set_to = "INSERT INTO instrument_details (symbol, calendar) VALUES ($1, '24/7')"
    await platform.database.execute(set_to, day)
    assert items(kept, bars, interval="1m", session="regular", **DAY) == every
    await platform.database.execute("DELETE FROM instrument_details WHERE symbol = $1", day)


async def test_history_says_every_tick_in_each_format(kept: Stack, day: str, tmp_path: Path) -> None:
    c = columns(TICKS)
    table = get(kept, f"history/{day}", format="parquet", **DAY)
    assert table.headers["content-type"] == "application/vnd.apache.parquet"
    path = tmp_path / "day.parquet"
    path.write_bytes(table.content)
    frame = pl.read_parquet(path)
    assert frame.height == TICKS
    assert (frame["sequence"].to_numpy() == c["sequences"]).all()
    assert (frame["at"].dt.timestamp("ns").to_numpy() == c["times"]).all()
    nanos = (frame["price"].cast(pl.Float64) * 1e9).round().cast(pl.Int64)
    assert (nanos.to_numpy() == c["prices"]).all()
    ((count, total),) = duckdb.sql(f"SELECT count(*), sum(quantity) FROM '{path}'").fetchall()
    assert (count, int(total)) == (TICKS, int(c["quantities"].sum()) // NANOS)

    text = get(kept, f"history/{day}", format="csv", **DAY).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == TICKS
    at = datetime.fromtimestamp(BEGIN_NS // NANOS, UTC)
    assert rows[1]["at"] == f"{at:%Y-%m-%dT%H:%M:%S}.001000003Z"
    assert (rows[1]["price"], rows[1]["quantity"], rows[2]["aggressor"]) == ("100.01", "2", "buy")
    assert int(rows[-1]["sequence"]) == TICKS

    body = get(kept, f"history/{day}", limit=100_001, **DAY).json()
    assert (body["symbol"], body["source"], body["kind"]) == (day, FEED, "trades")
    assert [each["sequence"] for each in body["items"]] == list(range(1, 100_002))
    assert body["items"][0]["price"] == "100"
    assert body["items"][0]["aggressor"] == "sell" and body["items"][1]["aggressor"] is None


async def test_what_comes_twice_counts_once(kept: Stack, platform: Platform, day: str) -> None:
    before = items(kept, f"bars/{day}", interval="1s", limit=500, **DAY)
    # With another id the stream cannot know: the store must.
    c = columns(16_384)
    data = ticks.encode_trades(FEED, day, *c.values())
    js = await platform.nats.jetstream()
    await js.publish(f"ticks.{FEED}.BIG-A", data, headers={"Nats-Msg-Id": "sent-again"})
    await publish(platform, "MARKER", 1)
    eventually(lambda: items(kept, "bars/MARKER", interval="1s", **DAY), "what came after is there", 60)
    assert items(kept, f"bars/{day}", interval="1s", limit=500, **DAY) == before
    assert len(items(kept, f"history/{day}", end=rfc3339(int(c["times"][-1]) + 1000), **_from(DAY))) == 16_384


def _from(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "end"}


async def test_trades_made_here_are_archived(kept: Stack, platform: Platform) -> None:
    engine = platform.engine
    await engine.submit(
        {
            "type": "define_instrument",
            "symbol": "OWN",
            "currency": "USD",
            "tick": NANOS // 100,
            "lot": NANOS,
            "band_ppm": 100_000,
            "collar_ppm": 20_000,
        }
    )
    one, two = kept.new_user(), kept.new_user()
    for user, side in ((one, "sell"), (two, "buy")):
        body = {"symbol": "OWN", "side": side, "type": "limit", "quantity": "3", "limit_price": "12.5"}
        async with httpx.AsyncClient(base_url=kept.url, headers=user.key, timeout=20) as client:
            answer = await client.post("/api/v1/trading/orders", json=body)
        assert answer.status_code == 201, answer.text
    (bar,) = eventually(lambda: items(kept, "bars/OWN", interval="1d"), "the trade is in a bar", 30)
    assert (bar["open"], bar["close"], bar["volume"], bar["vwap"], bar["trades"]) == (
        *("12.5", "12.5", "3", "12.5"),
        1,
    )
    (tick,) = items(kept, "history/OWN")
    assert (tick["price"], tick["quantity"], tick["aggressor"]) == ("12.5", "3", "buy")


def cift(kept: Stack, *arguments: str, code: int = 0) -> str:
    """The command line beside that exchange."""
    environment = {**os.environ, "CIFT_DATA": str(kept.folder), "CIFT_URL": kept.url}
    done = subprocess.run(
        [sys.executable, "-m", "cift.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_day_of_lean_is_loaded_exported_and_loaded_again(kept: Stack, lean: Path, tmp_path: Path) -> None:
    load = ("data", "load", "lean", str(lean), "--symbols", "IBM", "--json")
    first = json.loads(cift(kept, *load))
    assert (first["files"], first["skipped"], first["factors"]) == (2, 0, ["IBM"])
    day = {"start": "2013-10-07T00:00:00Z", "end": "2013-10-09T00:00:00Z", "feed": "lean"}

    def counted() -> int:
        bars = items(kept, "bars/IBM", interval="1d", **day)
        return int(bars[0]["trades"]) if bars else 0

    trades = len(pl.read_csv(zipfile.ZipFile(lean / LEAN_IBM).read("20131007_ibm_Trade_Tick.csv")))
    eventually(lambda: counted() > 0.9 * trades, "the day is in the store", 120)
    bars = items(kept, "bars/IBM", interval="15m", **day)
    again = json.loads(cift(kept, *load))
    assert (again["files"], again["skipped"]) == (0, 2)
    third = json.loads(cift(kept, *load, "--again"))
    assert (third["files"], third["ticks"]) == (2, first["ticks"])

    out = tmp_path / "ibm.parquet"
    span = ("--from", "2013-10-07", "--to", "2013-10-09")
    cift(kept, "data", "export", "IBM", str(out), *span, "--feed", "lean")
    frame = pl.read_parquet(out)
    assert frame.height == frame["sequence"].n_unique() >= counted()
    cift(kept, "data", "load", "parquet", str(out), "--feed", "copied", "--symbol", "ibm")
    same = {**day, "feed": "copied"}
    eventually(lambda: len(items(kept, "bars/IBM", interval="15m", **same)) == len(bars), "the copy", 60)

    assert items(kept, "bars/IBM", interval="15m", **same) == bars
    assert items(kept, "bars/IBM", interval="15m", **day) == bars, "loading again changed nothing"

    # IBM's factors of that day, from the file itself.
    line = next(
        line.split(",")
        for line in (lean / "equity/usa/factor_files/ibm.csv").read_text().splitlines()
        if line[:8] >= "20131007"
    )
    adjusted = items(kept, "bars/IBM", interval="1d", adjusted=True, **day)[0]
    raw = items(kept, "bars/IBM", interval="1d", **day)[0]
    factor = Decimal(line[1]) * Decimal(line[2])
    assert abs(Decimal(adjusted["close"]) - Decimal(raw["close"]) * factor) < Decimal("0.00000001")
    assert Decimal(adjusted["close"]) < Decimal(raw["close"])


def test_frames_and_figures_of_the_loaded_day(kept: Stack) -> None:
    """After the day was loaded."""
    market = Market(kept.url)
    query = {"feed": "lean", "start": "2013-10-07T00:00:00Z", "end": "2013-10-09T00:00:00Z"}
    bars = market.bars("IBM", interval="1s", **query)
    ticks = market.history("IBM", **query)
    assert bars.height > 500 and bars["start"].is_sorted() and bars["start"].is_unique().all()
    told = ticks.filter(pl.col("conditions").cast(pl.Int64) & 118_517_248 == 0)
    assert bars["volume"].sum() == float(told["quantity"].sum())
    exact = market.bars("IBM", interval="1d", exact=True, **query)
    assert exact["volume"].dtype == pl.Decimal(38, 9)
    spread = market.analytics("spread/IBM", interval="1h", **query)
    assert (spread["spread"] > 0).all() and spread.height > 5
    with pytest.raises(AskedWrong, match="unknown_symbol"):
        market.bars("NOSUCH")
    text = cift(kept, "data", "query", "volume-profile", "IBM", "--json", "--feed", "lean", *SPAN)
    assert sum(Decimal(row["volume"]) for row in json.loads(text)) == Decimal(int(bars["volume"].sum()))
    assert "say of which symbol" in cift(kept, "data", "query", "spread", code=2)


SPAN = ("--from", "2013-10-07T00:00:00Z", "--to", "2013-10-09T00:00:00Z", "--limit", "10000")


def test_files_that_are_none_are_told(kept: Stack, tmp_path: Path) -> None:
    assert "holds no tick/" in cift(kept, "data", "load", "lean", str(tmp_path), code=1)
    odd = tmp_path / "odd.csv"
    odd.write_text("when,price\n1,2\n")
    assert "has no column symbol, at, quantity" in cift(kept, "data", "load", "csv", str(odd), code=1)
    odd.write_text("at,symbol,price,quantity\nnever,SPY,1,1\n")
    assert "1 values are no times" in cift(kept, "data", "load", "csv", str(odd), code=1)
    good = tmp_path / "good.csv"
    good.write_text(
        "timestamp,symbol,price,size,side\n2024-01-02T15:00:00.5Z,CSV,10.000000001,0.5,buy\n"
        "2024-01-02T15:00:00.5Z,CSV,11,2,\n"
    )
    cift(kept, "data", "load", "csv", str(good))
    query = {"feed": "file", "start": "2024-01-02T00:00:00Z", "end": "2024-01-03T00:00:00Z"}
    one, two = eventually(lambda: items(kept, "history/CSV", **query), "the file's ticks", 60)
    assert (one["price"], one["quantity"], one["aggressor"]) == ("10.000000001", "0.5", "buy")
    assert (two["sequence"] - one["sequence"], two["at"]) == (1, one["at"])


async def test_bad_questions_are_told_what_is_wrong(kept: Stack, day: str) -> None:
    future = rfc3339(int((datetime.now(UTC) + timedelta(days=2)).timestamp()) * NANOS)
    for path in (f"bars/{day}", f"history/{day}"):
        refusal(get(kept, path, start=future), 422, "future_range", "start")
        refusal(get(kept, path, start=DAY["end"], end=DAY["start"]), 422, "invalid_range", "start")
        refusal(get(kept, path, start="yesterday"), 422, "invalid_time", "start")
        refusal(get(kept, path, feed="No Feed"), 422, "invalid_request", "feed")
        refusal(get(kept, path.replace(day, "NOSUCH")), 404, "unknown_symbol", "symbol")
        refusal(get(kept, path.replace(day, "NO%20SUCH")), 404, "unknown_symbol", "symbol")
    refusal(get(kept, f"history/{day}", start="2001-01-01T00:00:00Z"), 422, "range_too_large", "end")
    refusal(get(kept, f"bars/{day}", interval="0s"), 422, "invalid_interval", "interval")
    refusal(get(kept, f"bars/{day}", interval="1y"), 422, "invalid_request", "interval")
    refusal(get(kept, f"bars/{day}", cursor="bm8="), 422, "invalid_cursor", "cursor")
