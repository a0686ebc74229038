"""`cift data load`: a load replaces what the same feed has of the same span, and bars always equal the
ticks. A real exchange with an embedded ClickHouse; the bars are compared with our own sums of the file."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import polars as pl
import pytest

from tests.recordings.files import SAMPLES
from tests.stack import Stack
from tests.target import DEADLINE_S
from tests.venue import MARKET

HEADER = "at,symbol,price,size,side\n"


@pytest.fixture(scope="module")
def archiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An exchange for this module that archives ticks."""
    folder = tmp_path_factory.mktemp("archiving") / "data"
    with Stack.start(folder, clickhouse_url=f"chdb://{folder}/clickhouse") as stack:
        yield stack


def cift(stack: Stack, *arguments: str, code: int = 0) -> str:
    """The output of the command line, run against that exchange."""
    environment = {**os.environ, "CIFT_DATA": str(stack.folder), "CIFT_URL": stack.url}
    done = subprocess.run(
        [sys.executable, "-m", "cift.cli", "data", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def load(stack: Stack, *arguments: str | Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cift(stack, "load", *map(str, arguments), "--json"))
    return found


def items(stack: Stack, path: str, **query: Any) -> list[Any]:
    """All items of a symbol; none if the exchange knows no such symbol or feed."""
    query = {"start": "1999-01-01T00:00:00Z", "end": "2025-06-01T00:00:00Z", **query}
    found: list[Any] = []
    while True:
        response = httpx.get(f"{stack.url}{MARKET}/{path}", params=query, timeout=DEADLINE_S)
        if response.status_code == 404:
            return []
        assert response.status_code == 200, response.text
        page = response.json()
        found += page["items"]
        if page.get("next_cursor") is None:
            return found
        query["cursor"] = page["next_cursor"]


def assert_bars_equal_ticks(stack: Stack, symbol: str, feed: str) -> None:
    """Compute the bars from the stored ticks without the project's code."""
    name = quote(symbol, safe="")
    ticks = items(stack, f"history/{name}", feed=feed)
    for interval, seconds in (("1s", 1), ("1m", 60), ("1h", 3_600), ("1d", 86_400)):
        expected: dict[str, list[Any]] = {}
        for tick in ticks:
            at = pl.Series([tick["at"]]).str.to_datetime(time_zone="UTC", time_unit="ns")
            begin = int(at.dt.epoch("s")[0]) // seconds * seconds
            if seconds == 86_400 and "/" not in symbol and not feed.endswith("-1d"):  # a day of New York
                local = at.dt.convert_time_zone("America/New_York").dt.truncate("1d")
                begin = int(local.dt.epoch("s")[0])
            price, size = Decimal(tick["price"]), Decimal(tick["quantity"])
            bar = expected.setdefault(str(begin), [price, price, price, price, Decimal(0), 0])
            expected[str(begin)] = [
                *(bar[0], max(bar[1], price), min(bar[2], price), price, bar[4] + size, bar[5] + 1)
            ]
        found = {}
        for bar in items(stack, f"bars/{name}", feed=feed, interval=interval, limit=500):
            begin = int(pl.Series([bar["start"]]).str.to_datetime(time_zone="UTC").dt.epoch("s")[0])
            numbers = [Decimal(bar[each]) for each in ("open", "high", "low", "close", "volume")]
            found[str(begin)] = [*numbers, bar["trades"]]
        assert found == expected, interval


def write(path: Path, *rows: str) -> Path:
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows))
    return path


def second(number: int, price: str = "10", size: str = "1", symbol: str = "OVER") -> str:
    return f"2024-01-02T15:00:{number:02d}Z,{symbol},{price},{size},buy"


def counts(summary: dict[str, Any]) -> tuple[int, ...]:
    return tuple(summary[name] for name in ("ticks", "same", "new", "replaced", "removed"))


def test_overlapping_files_store_each_tick_once(archiving: Stack, tmp_path: Path) -> None:
    a = write(tmp_path / "a.csv", *(second(n) for n in range(10)))
    b = write(tmp_path / "b.csv", *(second(n) for n in range(5, 15)))
    assert counts(load(archiving, a)) == (10, 0, 10, 0, 0)
    assert counts(load(archiving, b)) == (10, 5, 5, 0, 0)
    assert len(items(archiving, "history/OVER", feed="file")) == 15
    assert_bars_equal_ticks(archiving, "OVER", "file")
    assert counts(load(archiving, a, b)) == (20, 20, 0, 0, 0)
    assert_bars_equal_ticks(archiving, "OVER", "file")


def test_two_trades_of_one_instant_are_both_stored(archiving: Stack, tmp_path: Path) -> None:
    rows = [second(1, "10", "1", "TWO"), second(1, "11", "2", "TWO"), second(1, "10", "1", "TWO")]
    assert counts(load(archiving, write(tmp_path / "a.csv", *rows))) == (3, 0, 3, 0, 0)
    assert [tick["price"] for tick in items(archiving, "history/TWO", feed="file")] == ["10", "11", "10"]
    assert_bars_equal_ticks(archiving, "TWO", "file")


def test_a_corrected_file_replaces_and_removes_at_once(archiving: Stack, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write(path, *(second(n, symbol="FIX") for n in range(3)))
    load(archiving, path)
    write(path, second(0, symbol="FIX"), second(1, "99", symbol="FIX"), second(2, symbol="FIX"))
    assert counts(load(archiving, path)) == (3, 2, 0, 1, 0)
    assert items(archiving, "history/FIX", feed="file")[1]["price"] == "99"
    assert_bars_equal_ticks(archiving, "FIX", "file")
    write(path, second(0, symbol="FIX"), second(2, symbol="FIX"))
    assert counts(load(archiving, path)) == (2, 2, 0, 0, 1)
    assert len(items(archiving, "history/FIX", feed="file")) == 2
    assert_bars_equal_ticks(archiving, "FIX", "file")
    # The first version again: its messages are equal to messages of before.
    write(path, *(second(n, symbol="FIX") for n in range(3)))
    assert counts(load(archiving, path)) == (3, 2, 1, 0, 0)
    assert [tick["price"] for tick in items(archiving, "history/FIX", feed="file")] == ["10"] * 3
    assert_bars_equal_ticks(archiving, "FIX", "file")


def test_quotes_are_replaced_too(archiving: Stack, tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    head = "at,symbol,bid,bid_size,ask,ask_size\n"
    rows = [f"2024-01-02T15:00:0{n}Z,QQ,1,1,2,1\n" for n in range(3)]
    path.write_text(head + "".join(rows))
    assert counts(load(archiving, path)) == (3, 0, 3, 0, 0)
    path.write_text(head + "2024-01-02T15:00:00Z,QQ,1,1,3,1\n2024-01-02T15:00:02Z,QQ,1,1,2,1\n")
    assert counts(load(archiving, path)) == (2, 1, 0, 1, 1)
    found = items(archiving, "history/QQ", feed="file", kind="quotes")
    assert [tick["ask"] for tick in found] == ["3", "2"]


def test_a_folder_of_all_formats_loads_in_one_command(archiving: Stack, tmp_path: Path) -> None:
    for sample in SAMPLES:
        (tmp_path / sample.name).write_text(sample.text)
    summary = load(archiving, tmp_path)
    assert summary["files"] == len(SAMPLES)
    assert summary["ticks"] == summary["new"] + summary["same"] + summary["replaced"]
    for each in summary["loaded"]:
        if each["kind"] == "trade" and each["symbol"] not in ("AAPL", "IBM"):
            assert_bars_equal_ticks(archiving, each["symbol"], each["feed"])
    (bar,) = items(archiving, "bars/SPY", feed="yahoo-1d", interval="1d")
    assert (bar["open"], bar["high"], bar["low"], bar["close"], bar["volume"]) == (
        *("472.16", "473.67", "470.49", "472.65", "123623700"),
    )


@pytest.mark.parametrize("form", ["csv", "parquet", "json"])
def test_an_export_is_loaded_without_an_option_and_is_equal(
    archiving: Stack, tmp_path: Path, form: str
) -> None:
    symbol = f"RT-{form.upper()}/X"
    path = write(
        tmp_path / "a.csv", *(second(n // 3, f"1.08{n:03d}", "0.00000001", symbol) for n in range(9))
    )
    load(archiving, path, "--feed", "first")
    out = tmp_path / f"odd name.{form}"
    span = ("--from", "2024-01-02", "--to", "2024-01-03")
    cift(archiving, "export", symbol, str(out), *span, "--feed", "first")
    assert counts(load(archiving, out)) == (9, 0, 9, 0, 0)
    assert counts(load(archiving, out, "--feed", "first")) == (9, 9, 0, 0, 0)
    name = quote(symbol, safe="")
    first = items(archiving, f"history/{name}", feed="first")
    assert first == items(archiving, f"history/{name}", feed="file") and len(first) == 9


def test_refusals_are_one_line_and_change_nothing(archiving: Stack, tmp_path: Path) -> None:
    good, bad = write(tmp_path / "a.csv", second(1, symbol="NONE")), tmp_path / "b.csv"
    write(bad, second(1, symbol="NONE"), "soon,NONE,1,1,buy")
    error = cift(archiving, "load", str(good), str(bad), code=1)
    assert "row 3" in error and "'soon'" in error and error.count("\n") == 1
    assert items(archiving, "history/NONE", feed="file") == []
    assert "reserved" in cift(archiving, "load", str(good), "--feed", "exchange", code=1)
    assert "is not a file" in cift(archiving, "load", str(tmp_path / "no.csv"), code=1)
    bars = tmp_path / "OVER.csv"
    bars.write_text("date,open,high,low,close,volume\n2024-01-02 15:00:00,1,1,1,1,4\n")
    error = cift(archiving, "load", str(bars), "--feed", "file", "--interval", "1m", code=1)
    assert "has trades of OVER" in error


def test_a_dry_run_prints_the_first_rows_and_loads_nothing(archiving: Stack, tmp_path: Path) -> None:
    path = tmp_path / "DRY.csv"
    path.write_text("time,price,qty\n1704207600123,13.9,5\n")
    shown = cift(archiving, "load", str(path), "--dry-run")
    assert "milliseconds since 1970" in shown and "2024-01-02T15:00:00.123" in shown and "13.9" in shown
    assert "symbol DRY from the file's name" in shown
    assert items(archiving, "history/DRY", feed="file") == []


def test_an_unknown_feed_is_not_another_data_set(archiving: Stack, tmp_path: Path) -> None:
    load(archiving, write(tmp_path / "a.csv", second(1, symbol="FEED")))
    response = httpx.get(f"{archiving.url}{MARKET}/history/FEED", params={"feed": "nope"}, timeout=DEADLINE_S)
    assert (response.status_code, response.json()["code"]) == (404, "unknown_feed")
