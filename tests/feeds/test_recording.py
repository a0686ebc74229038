"""Every kind of recording is replayed with exactly the numbers of its file."""

import zipfile
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from cift.feeds import recording, sample
from cift.feeds.outside import Quote, Trade
from cift.feeds.sample import OPEN_MS, SampleMissing
from cift.feeds.timeline import Timeline
from cift.kernel.money import NANOS
from tests.recorded import LEAN, THINNED, WHOLE_UNTIL_NS

HOUR_NS = 3_600 * NANOS
AT_NS = 14 * HOUR_NS
"""14:00, in nanoseconds since midnight."""


def all_of(line: Timeline) -> list[Trade | Quote]:
    return line.between(0, len(line))


def test_the_sample_is_read_completely() -> None:
    line, days = recording.read(sample.FOLDER), sample.read()
    assert line.symbols == [*(day.symbol for day in days), "BTC/USD", "ETH/USD"]
    coins = [tick for tick in all_of(line) if "/" in tick.symbol]
    assert len(line) == sum(len(day.quotes) + len(day.prints) for day in days) + len(coins)
    assert (line.opens_ms, line.closes_ms) == (sample.OPEN_MS, sample.CLOSE_MS)
    only = recording.read(sample.FOLDER, ["IBM"])
    assert only.symbols == ["IBM"] and 0 < len(only) < len(line)


def test_the_sample_has_coins_with_fractions() -> None:
    line = recording.read(sample.FOLDER, ["BTC/USD"])
    ticks = all_of(line)
    trades = [tick for tick in ticks if isinstance(tick, Trade)]
    quotes = [tick for tick in ticks if isinstance(tick, Quote)]
    assert line.units["BTC/USD"] == (10_000_000, 100)
    assert trades[0].price == 7_077_270_000_000 and trades[0].quantity % 10**9 != 0
    assert all(tick.quantity % 100 == 0 for tick in trades)
    assert len(trades) > 700 and all(0 < tick.bid < tick.ask for tick in quotes)
    gaps = [later.at_ns - tick.at_ns for tick, later in pairwise(quotes)]
    assert sorted(gaps)[len(gaps) // 2] <= 15 * 10**9, "the quote is renewed after each print"


def lean_zip(path: Path, rows: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(path.stem + ".csv", rows)


def test_leans_ticks_are_limited_to_the_regular_session_and_last_sales(tmp_path: Path) -> None:
    folder = tmp_path / "equity" / "usa" / "tick" / "abc"
    lean_zip(
        folder / "20131007_trade.zip",
        f"{OPEN_MS - 1},1000000,5,Q,0,0\n{OPEN_MS + 10},1001000,7,Q,0,0\n{OPEN_MS + 20},990000,9,Q,100000,0\n"
        f"{OPEN_MS + 30},990000,9,Q,0,1\n",
    )
    lean_zip(
        folder / "20131007_quote.zip",
        f"{OPEN_MS + 5},1000000,3,0,0,P,0,0\n{OPEN_MS + 5},0,0,1001000,4,Q,0,0\n",
    )
    lean_zip(folder / "20131008_trade.zip", f"{OPEN_MS},1100000,1,Q,0,0\n")
    line = recording.read(tmp_path)
    assert line.symbols == ["ABC"]
    ms = 1_000_000
    assert all_of(line) == [
        Quote("ABC", (OPEN_MS + 5) * ms, 100 * NANOS, 3 * NANOS, 100_100_000_000, 4 * NANOS),
        Trade("ABC", (OPEN_MS + 10) * ms, 100_100_000_000, 7 * NANOS),
        # Emitted again after the print, because in the engine prints consume the quote.
        Quote("ABC", (OPEN_MS + 10) * ms, 100 * NANOS, 3 * NANOS, 100_100_000_000, 4 * NANOS),
    ]
    later = recording.read(tmp_path, day="2013-10-08")
    assert [tick.price for tick in all_of(later) if isinstance(tick, Trade)] == [110 * NANOS]
    with pytest.raises(SampleMissing, match="2013-10-09"):
        recording.read(tmp_path, day="2013-10-09")


def test_leans_minutes_of_a_market_with_fractional_quantities(tmp_path: Path) -> None:
    folder = tmp_path / "crypto" / "coinbase" / "minute" / "btcusd"
    lean_zip(folder / "20180404_trade.zip", "0,7424.91,7424.91,7422,7422.5,8\n")
    lean_zip(folder / "20180404_quote.zip", "0,1,1,1,7421.9,1.25,1,1,1,7422.1,33.35399601000002\n")
    line = recording.read(tmp_path)
    ticks = all_of(line)
    trades = [tick for tick in ticks if isinstance(tick, Trade)]
    assert [trade.price for trade in trades] == [
        7_424_910_000_000,
        7_424_910_000_000,
        7_422 * NANOS,
        7_422_500_000_000,
    ]
    assert sum(trade.quantity for trade in trades) == 8 * NANOS
    quote = next(tick for tick in ticks if isinstance(tick, Quote))
    assert (quote.bid, quote.bid_quantity, quote.ask_quantity) == (
        7_421_900_000_000,
        1_250_000_000,
        33_353_996_010,
    )
    assert line.units == {"BTCUSD": (10_000_000, 100)}


CSV = """time,price,size,bid,bid_size,ask,ask_size
2024-05-06T14:00:00.000000001Z,100.10,5,,,,
2024-05-06T14:00:00.5Z,,,100.05,3,100.15,4
2024-05-07T14:00:00Z,101,1,,,,
"""
EXPECTED = [
    Trade("XYZ", AT_NS + 1, 100_100_000_000, 5 * NANOS),
    Quote("XYZ", AT_NS + 500_000_000, 100_050_000_000, 3 * NANOS, 100_150_000_000, 4 * NANOS),
]


def test_a_csv_files_name_gives_the_symbol_and_one_day_is_read(tmp_path: Path) -> None:
    file = tmp_path / "xyz_ticks.csv"
    file.write_text(CSV)
    line = recording.read(file)
    assert all_of(line) == EXPECTED and line.units == {"XYZ": (10_000_000, NANOS)}
    assert line.opens_ms == 14 * 3_600_000 and line.closes_ms == 14 * 3_600_000 + 501
    assert len(recording.read(tmp_path, day="2024-05-07")) == 1
    with pytest.raises(SampleMissing, match="no tick of 2024-05-08"):
        recording.read(file, day="2024-05-08")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "datetime"])
def test_a_parquet_files_times_may_have_any_unit(tmp_path: Path, unit: str) -> None:
    at_s = 1_715_004_000  # 2024-05-06T14:00:00Z
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "datetime": 10**6}[unit]
    times = pl.Series([at_s * scale])
    if unit == "datetime":
        times = times.cast(pl.Datetime("us", "UTC"))
    frame = pl.DataFrame({"timestamp": times, "symbol": ["abc"], "price": [100.07], "size": [3]})
    frame.write_parquet(tmp_path / "ticks.parquet")
    assert all_of(recording.read(tmp_path)) == [Trade("ABC", AT_NS, 100_070_000_000, 3 * NANOS)]


def test_unusable_recordings_are_reported(tmp_path: Path) -> None:
    with pytest.raises(SampleMissing, match="contains no CSV"):
        recording.read(tmp_path)
    (tmp_path / "a.csv").write_text("when,price\n1,2\n")
    with pytest.raises(SampleMissing, match="no column at"):
        recording.read(tmp_path)
    (tmp_path / "a.csv").write_text("time,price\n1,2\n")
    with pytest.raises(SampleMissing, match="neither price and quantity"):
        recording.read(tmp_path)
    (tmp_path / "a.csv").write_text("time,price,size\nsoon,2,1\n")
    with pytest.raises(SampleMissing, match="row 2, column time: 'soon' is not a time"):
        recording.read(tmp_path)


def test_prices_below_a_cent_and_fractions_are_replayed_unrounded(tmp_path: Path) -> None:
    (tmp_path / "EURUSD_Ticks_01.08.2024-01.08.2024.csv").write_text(
        "Gmt time,Ask,Bid,AskVolume,BidVolume\n01.08.2024 00:00:00.123,1.08346,1.08345,0.75,1.5\n"
    )
    (tmp_path / "DOGE.csv").write_text("at,price,size\n2024-08-01T00:00:01Z,0.08121,12.5\n")
    line = recording.read(tmp_path)
    assert line.units == {"DOGE": (10_000, 100_000_000), "EURUSD": (10_000, 10_000_000)}
    prices = {tick.price for tick in all_of(line) if isinstance(tick, Trade)}
    quotes = [tick for tick in all_of(line) if isinstance(tick, Quote)]
    assert prices == {81_210_000} and quotes[0].bid == 1_083_450_000
    assert {tick.symbol for tick in quotes} == {"EURUSD"}


def test_bars_of_any_format_are_replayed_as_trades(tmp_path: Path) -> None:
    (tmp_path / "XBTUSD_60.csv").write_text("1704153600,44182,44200.5,44100,44150,8,980\n")
    line = recording.read(tmp_path)
    trades = [tick for tick in all_of(line) if isinstance(tick, Trade)]
    assert [trade.price // NANOS for trade in trades] == [44182, 44200, 44100, 44150]
    assert sum(trade.quantity for trade in trades) == 8 * NANOS
    assert any(isinstance(tick, Quote) for tick in all_of(line)), "quotes are derived from bars"


def test_the_lean_folder_gives_the_sample() -> None:
    made = all_of(recording.read(LEAN / "equity", ["IBM"]))
    bundled = all_of(recording.read(sample.FOLDER, ["IBM"]))
    if LEAN == THINNED:
        made, bundled = ([tick for tick in ticks if tick.at_ns < WHOLE_UNTIL_NS] for ticks in (made, bundled))
    assert len(made) > 1_000
    assert made == bundled
