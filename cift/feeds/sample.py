"""The recorded day in `data/sample`: its columns, reader and writer.

Two Parquet files (zstd), sorted by symbol and time. To keep them small, slowly changing numbers are
stored as the difference to the previous row of the same symbol (the first row of a symbol: to 0).
`quotes.parquet`: symbol, derived, d_at_ms, d_bid, spread, bid_size, ask_size. `prints.parquet`: symbol,
d_at_ms, d_price, size. Prices are ticks of 0.01, times milliseconds since midnight in New York, sizes
shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cift.feeds.quotes import Print, Quote

if TYPE_CHECKING:
    import polars as pl  # takes 0.25 s to import, so only reading and writing the sample imports it

OPEN_MS = (9 * 60 + 30) * 60_000
CLOSE_MS = 16 * 60 * 60_000
QUOTES = "quotes.parquet"
PRINTS = "prints.parquet"
COINS = "crypto"
"""The folder with a day of coins: Lean's bars of minutes."""
PAIRS = {"BTCUSD": "BTC/USD", "ETHUSD": "ETH/USD"}
COINS_AHEAD_NS = 4 * 3_600 * 10**9
"""Times of coins are UTC, which was four hours ahead of New York."""
COIN = 10**9
COIN_LOT = 100
"""1e-7 of a coin, in nanos: the smallest lot that the engine allows with a tick of 0.01 (rule R1.6)."""
FOLDER = Path(__file__).resolve().parent.parent.parent / "data" / "sample"


class SampleMissing(Exception):
    """A recording is missing or cannot be read."""


@dataclass(frozen=True)
class SymbolDay:
    """One symbol's day. `derived`: the quotes were derived from the prints, not recorded."""

    symbol: str
    derived: bool
    quotes: list[Quote]
    prints: list[Print]


def write(folder: Path, days: list[SymbolDay]) -> list[Path]:
    """Write both files; returns their paths."""
    import polars as pl

    quote_schema = {"symbol": pl.String, "derived": pl.Boolean} | dict.fromkeys(
        ("d_at_ms", "d_bid", "spread", "bid_size", "ask_size"), pl.Int32
    )
    print_schema = {"symbol": pl.String} | dict.fromkeys(("d_at_ms", "d_price", "size"), pl.Int32)
    quote_frames, print_frames = [], []
    for day in days:
        at_ms, bid, bid_size, ask, ask_size = _columns(day.quotes, 5)
        quote_frames.append(
            pl.DataFrame(
                {
                    "symbol": [day.symbol] * len(at_ms),
                    "derived": [day.derived] * len(at_ms),
                    "d_at_ms": _differences(at_ms),
                    "d_bid": _differences(bid),
                    "spread": [high - low for low, high in zip(bid, ask, strict=True)],
                    "bid_size": bid_size,
                    "ask_size": ask_size,
                },
                schema=quote_schema,
            )
        )
        at_ms, price, size = _columns(day.prints, 3)
        print_frames.append(
            pl.DataFrame(
                {
                    "symbol": [day.symbol] * len(at_ms),
                    "d_at_ms": _differences(at_ms),
                    "d_price": _differences(price),
                    "size": size,
                },
                schema=print_schema,
            )
        )
    paths = [folder / QUOTES, folder / PRINTS]
    for path, frames in zip(paths, (quote_frames, print_frames), strict=True):
        pl.concat(frames).write_parquet(path, compression="zstd", compression_level=19)
    return paths


def read(folder: Path = FOLDER) -> list[SymbolDay]:
    """All symbols of the folder, in the files' order. Raises SampleMissing."""
    import polars as pl

    quotes, prints = _load(folder / QUOTES), _load(folder / PRINTS)
    days = []
    for symbol in quotes["symbol"].unique(maintain_order=True).to_list():
        own = quotes.filter(pl.col("symbol") == symbol)
        at_ms, bid = own["d_at_ms"].cum_sum().to_list(), own["d_bid"].cum_sum()
        sides = (
            bid.to_list(),
            own["bid_size"].to_list(),
            (bid + own["spread"]).to_list(),
            own["ask_size"].to_list(),
        )
        trades = prints.filter(pl.col("symbol") == symbol)
        columns = (
            trades["d_at_ms"].cum_sum().to_list(),
            trades["d_price"].cum_sum().to_list(),
            trades["size"].to_list(),
        )
        days.append(
            SymbolDay(
                symbol,
                bool(own["derived"].any()),
                [Quote(*row) for row in zip(at_ms, *sides, strict=True)],
                [Print(*row) for row in zip(*columns, strict=True)],
            )
        )
    return days


def _load(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise SampleMissing(f"cannot read {path}: {problem}; scripts/build_sample.py makes it") from problem


def _columns(rows: list[Quote] | list[Print], width: int) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _differences(values: list[int]) -> list[int]:
    return [value - before for value, before in zip(values, [0, *values], strict=False)]
