"""From feeds and orders to bars and history over HTTP: a real exchange with an embedded ClickHouse."""

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
from cift_client import ApiError, Client, to_pandas, to_polars
from cift_core import ticks

from cift.auth import managed
from cift.kernel.clock import rfc3339
from cift.platform.stores import Platform
from tests.stack import Stack, eventually
from tests.target import DEADLINE_S, submit
from tests.venue import MARKET, refusal

NANOS = 10**9
FEED = "testfeed"
BEGIN_NS = 1_700_000_000 * NANOS
TICKS = 250_000
LEAN_IBM = "equity/usa/tick/ibm/20131007_trade.zip"
DAY_NS = 86_400 * NANOS


@pytest.fixture(scope="module")
def archiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange for this module that archives ticks."""
    folder = tmp_path_factory.mktemp("archiving") / "data"
    with Stack.start(folder, clickhouse_url=f"chdb://{folder}/clickhouse") as stack:
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(archiving: Stack) -> AsyncIterator[Platform]:
    platform = Platform(archiving.settings(clickhouse_url="http://of.another.process"))
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


def get(archiving: Stack, path: str, **query: Any) -> httpx.Response:
    return httpx.get(f"{archiving.url}{MARKET}/{path}", params=query, timeout=DEADLINE_S)


def items(archiving: Stack, path: str, **query: Any) -> list[Any]:
    """The items of a response; none while the symbol is unknown."""
    response = get(archiving, path, **query)
    if response.status_code == 404:
        return []
    assert response.status_code == 200, response.text
    found: list[Any] = response.json()["items"]
    return found


DAY = {"start": rfc3339(BEGIN_NS - BEGIN_NS % DAY_NS), "end": rfc3339(BEGIN_NS + DAY_NS), "feed": FEED}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def day(archiving: Stack, platform: Platform) -> str:
    """A symbol with TICKS ticks in the store."""
    await publish(platform, "BIG.A", TICKS)

    def arrived() -> bool:
        bars = items(archiving, "bars/BIG.A", interval="1d", **DAY)
        return bool(bars) and bars[0]["trades"] == TICKS

    eventually(arrived, "the ticks are in the store", 90)
    return "BIG.A"


async def test_regular_hours_follow_the_instruments_calendar(
    archiving: Stack, platform: Platform, day: str
) -> None:
    """The ticks are at 22:13 UTC: New York is closed, a 24/7 calendar is open."""
    bars = f"bars/{day}"
    every = items(archiving, bars, interval="1m", **DAY)
    assert every and items(archiving, bars, interval="1m", session="regular", **DAY) == []
    set_to = "INSERT INTO instrument_details (symbol, calendar) VALUES ($1, '24/7')"
    await platform.database.execute(set_to, day)
    assert items(archiving, bars, interval="1m", session="regular", **DAY) == every
    await platform.database.execute("DELETE FROM instrument_details WHERE symbol = $1", day)


async def test_history_has_every_tick_in_each_format(archiving: Stack, day: str, tmp_path: Path) -> None:
    c = columns(TICKS)
    table = get(archiving, f"history/{day}", format="parquet", **DAY)
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

    text = get(archiving, f"history/{day}", format="csv", **DAY).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == TICKS
    at = datetime.fromtimestamp(BEGIN_NS // NANOS, UTC)
    assert rows[1]["at"] == f"{at:%Y-%m-%dT%H:%M:%S}.001000003Z"
    assert (rows[1]["price"], rows[1]["quantity"], rows[2]["aggressor"]) == ("100.01", "2", "buy")
    assert int(rows[-1]["sequence"]) == TICKS

    body = get(archiving, f"history/{day}", limit=100_001, **DAY).json()
    assert (body["symbol"], body["source"], body["kind"]) == (day, FEED, "trades")
    assert [each["sequence"] for each in body["items"]] == list(range(1, 100_002))
    assert body["items"][0]["price"] == "100"
    assert body["items"][0]["aggressor"] == "sell" and body["items"][1]["aggressor"] is None


async def test_ticks_published_twice_count_once(archiving: Stack, platform: Platform, day: str) -> None:
    before = items(archiving, f"bars/{day}", interval="1s", limit=500, **DAY)
    # With another message id the stream cannot recognize the duplicate, so the store must.
    c = columns(16_384)
    data = ticks.encode_trades(FEED, day, *c.values())
    js = await platform.nats.jetstream()
    await js.publish(f"ticks.{FEED}.BIG-A", data, headers={"Nats-Msg-Id": "sent-again"})
    await publish(platform, "MARKER", 1)
    eventually(
        lambda: items(archiving, "bars/MARKER", interval="1s", **DAY),
        "ticks published later are in the store",
    )
    assert items(archiving, f"bars/{day}", interval="1s", limit=500, **DAY) == before
    assert (
        len(items(archiving, f"history/{day}", end=rfc3339(int(c["times"][-1]) + 1000), **_from(DAY)))
        == 16_384
    )


def _from(query: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in query.items() if name != "end"}


async def test_trades_of_the_exchange_are_archived(archiving: Stack, platform: Platform) -> None:
    engine = platform.engine
    await submit(
        engine,
        {
            "type": "define_instrument",
            "symbol": "OWN",
            "currency": "USD",
            "tick": NANOS // 100,
            "lot": NANOS,
            "band_ppm": 100_000,
            "collar_ppm": 20_000,
        },
    )
    one, two = archiving.new_user(), archiving.new_user()
    for user, side in ((one, "sell"), (two, "buy")):
        body = {"symbol": "OWN", "side": side, "type": "limit", "quantity": "3", "limit_price": "12.5"}
        async with httpx.AsyncClient(base_url=archiving.url, headers=user.key, timeout=DEADLINE_S) as client:
            response = await client.post("/api/v1/trading/orders", json=body)
        assert response.status_code == 201, response.text
    (bar,) = eventually(lambda: items(archiving, "bars/OWN", interval="1d"), "the trade is in a bar")
    assert (bar["open"], bar["close"], bar["volume"], bar["vwap"], bar["trades"]) == (
        *("12.5", "12.5", "3", "12.5"),
        1,
    )
    (tick,) = items(archiving, "history/OWN")
    assert (tick["price"], tick["quantity"], tick["aggressor"]) == ("12.5", "3", "buy")


async def test_a_split_reaches_engine_and_adjusted_bars(archiving: Stack, platform: Platform) -> None:
    terms = {"currency": "USD", "tick": NANOS // 100, "lot": NANOS, "band_ppm": 100_000, "collar_ppm": 20_000}
    await submit(platform.engine, {"type": "define_instrument", "symbol": "SPLT/A", **terms})  # type: ignore[typeddict-item]
    await publish(platform, "SPLT/A", 10)
    raw = eventually(lambda: items(archiving, "bars/SPLT%2FA", interval="1d", **DAY), "the ticks are stored")
    key = await managed.create_admin_key("tests", platform.database, platform.settings)
    async with httpx.AsyncClient(
        base_url=archiving.url, headers={"X-API-Key": key}, timeout=DEADLINE_S
    ) as client:
        ratio = {"numerator": 4, "denominator": 1}
        answer = await client.post("/api/v1/admin/instruments/SPLT%2FA/split", json=ratio)
    assert answer.status_code == 200, answer.text

    def adjusted() -> bool:
        (bar,) = items(archiving, "bars/SPLT%2FA", interval="1d", adjusted=True, **DAY)
        return Decimal(bar["close"]) * 4 == Decimal(raw[0]["close"])

    eventually(adjusted, "bars before the split are adjusted")
    assert items(archiving, "bars/SPLT%2FA", interval="1d", **DAY) == raw, "raw bars stay"


def cift(archiving: Stack, *arguments: str, code: int = 0) -> str:
    """The output of the command line, run against that exchange."""
    environment = {**os.environ, "CIFT_DATA": str(archiving.folder), "CIFT_URL": archiving.url}
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


def test_a_day_of_lean_is_loaded_exported_and_loaded_again(
    archiving: Stack, lean: Path, tmp_path: Path
) -> None:
    load = ("data", "load", "lean", str(lean), "--symbols", "IBM", "--json")
    first = json.loads(cift(archiving, *load))
    assert (first["files"], first["new"], first["factors"]) == (2, first["ticks"], ["IBM"])
    day = {"start": "2013-10-07T00:00:00Z", "end": "2013-10-09T00:00:00Z", "feed": "lean"}

    def counted() -> int:
        bars = items(archiving, "bars/IBM", interval="1d", **day)
        return int(bars[0]["trades"]) if bars else 0

    trades = len(pl.read_csv(zipfile.ZipFile(lean / LEAN_IBM).read("20131007_ibm_Trade_Tick.csv")))
    eventually(lambda: counted() > 0.9 * trades, "the day is in the store", 120)
    bars = items(archiving, "bars/IBM", interval="15m", **day)
    again = json.loads(cift(archiving, *load))
    assert (again["same"], again["messages"]) == (first["ticks"], 0)
    third = json.loads(cift(archiving, *load, "--again"))
    assert (third["same"], third["messages"]) == (first["ticks"], first["messages"])

    out = tmp_path / "ibm.parquet"
    span = ("--from", "2013-10-07", "--to", "2013-10-09")
    cift(archiving, "data", "export", "IBM", str(out), *span, "--feed", "lean")
    frame = pl.read_parquet(out)
    assert frame.height == frame["sequence"].n_unique() >= counted()
    cift(archiving, "data", "load", "parquet", str(out), "--feed", "copied", "--symbol", "ibm")
    same = {**day, "feed": "copied"}
    eventually(lambda: len(items(archiving, "bars/IBM", interval="15m", **same)) == len(bars), "the copy")

    copied = items(archiving, "bars/IBM", interval="15m", **same)
    assert copied == [{**bar, "sources": ["copied"]} for bar in bars]
    assert items(archiving, "bars/IBM", interval="15m", **day) == bars, "loading again changed nothing"

    # IBM's factors on that day, from the file itself.
    line = next(
        line.split(",")
        for line in (lean / "equity/usa/factor_files/ibm.csv").read_text().splitlines()
        if line[:8] >= "20131007"
    )
    adjusted = items(archiving, "bars/IBM", interval="1d", adjusted=True, **day)[0]
    raw = items(archiving, "bars/IBM", interval="1d", **day)[0]
    factor = Decimal(line[1]) * Decimal(line[2])
    assert abs(Decimal(adjusted["close"]) - Decimal(raw["close"]) * factor) < Decimal("0.00000001")
    assert Decimal(adjusted["close"]) < Decimal(raw["close"])


def test_frames_and_analytics_of_the_loaded_day(archiving: Stack) -> None:
    """Uses the day that the test above has loaded."""
    client = Client(archiving.url)
    frames = client.frames
    query = {"feed": "lean", "start": "2013-10-07T00:00:00Z", "end": "2013-10-09T00:00:00Z"}
    bars = frames.bars("IBM", interval="1s", **query)
    ticks = frames.ticks("IBM", **query)
    assert bars.height > 500 and bars["start"].is_sorted() and bars["start"].is_unique().all()
    last_sales = ticks.filter(pl.col("conditions").cast(pl.Int64) & 118_517_248 == 0)
    assert bars["volume"].sum() == float(last_sales["quantity"].sum())
    exact = frames.bars("IBM", interval="1d", exact=True, **query)
    assert exact["volume"].dtype == pl.Decimal(38, 9)
    last = frames.bars("IBM", interval="1s", feed="lean", end="2013-10-09T00:00:00Z", limit=600)
    assert last.equals(bars.tail(600)), "more than a page, without a start"
    spreads = list(client.history.each_of_spreads("IBM", interval="1h", **query))
    spread, same = to_polars(spreads), to_pandas(spreads)
    assert (spread["spread"] > 0).all() and spread.height > 5
    assert list(same.columns) == spread.columns and str(same["start"].dtype).endswith("UTC]")
    assert same["spread"].tolist() == spread["spread"].to_list()
    with pytest.raises(ApiError, match="unknown_symbol"):
        frames.bars("NOSUCH")
    text = cift(archiving, "data", "query", "volume-profile", "IBM", "--json", "--feed", "lean", *SPAN)
    assert sum(Decimal(row["volume"]) for row in json.loads(text)) == Decimal(int(bars["volume"].sum()))
    assert "a symbol is missing" in cift(archiving, "data", "query", "spread", code=2)


SPAN = ("--from", "2013-10-07T00:00:00Z", "--to", "2013-10-09T00:00:00Z", "--limit", "10000")


def test_unreadable_files_are_reported(archiving: Stack, tmp_path: Path) -> None:
    assert "holds no tick/" in cift(archiving, "data", "load", "lean", str(tmp_path), code=1)
    odd = tmp_path / "odd.csv"
    odd.write_text("when,price\n1,2\n")
    assert "no column at (or timestamp, time, date)" in cift(
        archiving, "data", "load", "csv", str(odd), code=1
    )
    odd.write_text("at,symbol,price,quantity\nnever,SPY,1,1\n")
    assert "row 2, column at: 'never' is not a time" in cift(
        archiving, "data", "load", "csv", str(odd), code=1
    )
    good = tmp_path / "good.csv"
    good.write_text(
        "timestamp,symbol,price,size,side\n2024-01-02T15:00:00.5Z,CSV,10.000000001,0.5,buy\n"
        "2024-01-02T15:00:00.5Z,CSV,11,2,\n"
    )
    cift(archiving, "data", "load", "csv", str(good))
    query = {"feed": "file", "start": "2024-01-02T00:00:00Z", "end": "2024-01-03T00:00:00Z"}
    one, two = eventually(lambda: items(archiving, "history/CSV", **query), "the file's ticks")
    assert (one["price"], one["quantity"], one["aggressor"]) == ("10.000000001", "0.5", "buy")
    assert (two["sequence"] - one["sequence"], two["at"]) == (1, one["at"])


async def test_bad_requests_get_their_error_codes(archiving: Stack, day: str) -> None:
    future = rfc3339(int((datetime.now(UTC) + timedelta(days=2)).timestamp()) * NANOS)
    for path in (f"bars/{day}", f"history/{day}"):
        refusal(get(archiving, path, start=future), 422, "future_range", "start")
        refusal(get(archiving, path, start=DAY["end"], end=DAY["start"]), 422, "invalid_range", "start")
        refusal(get(archiving, path, start="yesterday"), 422, "invalid_time", "start")
        refusal(get(archiving, path, feed="No Feed"), 422, "invalid_request", "feed")
        refusal(get(archiving, path.replace(day, "NOSUCH")), 404, "unknown_symbol", "symbol")
        refusal(get(archiving, path.replace(day, "NO%20SUCH")), 404, "unknown_symbol", "symbol")
    refusal(get(archiving, f"history/{day}", start="1981-01-01T00:00:00Z"), 422, "range_too_large", "end")
    refusal(get(archiving, f"bars/{day}", interval="0s"), 422, "invalid_interval", "interval")
    refusal(get(archiving, f"bars/{day}", interval="1y"), 422, "invalid_request", "interval")
    refusal(get(archiving, f"bars/{day}", cursor="bm8="), 422, "invalid_cursor", "cursor")
