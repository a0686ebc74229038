"""The recorded day carried in `data/sample`: its columns, how it is read and written.

Two Parquet files (zstd), rows ordered by symbol and, within it, by time. To stay small, numbers that
move slowly are stored as the difference to the row before of the same symbol (the first row of a
symbol: to 0). `quotes.parquet`: symbol, derived, d_at_ms, d_bid, spread, bid_size, ask_size.
`prints.parquet`: symbol, d_at_ms, d_price, size. Prices are ticks of 0.01, times milliseconds since
midnight in New York, sizes shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cift.feeds.quotes import Print, Quote

if TYPE_CHECKING:
    import polars as pl  # a quarter of a second to import: only what reads or writes the sample pays it

OPEN_MS = (9 * 60 + 30) * 60_000
CLOSE_MS = 16 * 60 * 60_000
QUOTES = "quotes.parquet"
PRINTS = "prints.parquet"
FOLDER = Path(__file__).resolve().parent.parent.parent / "data" / "sample"


class SampleMissing(Exception):
    """The sample's files are not where they should be, or not what they should be."""


@dataclass(frozen=True)
class Tape:
    """One symbol's day. `derived`: the quotes were made from the prints, not recorded."""

    symbol: str
    derived: bool
    quotes: list[Quote]
    prints: list[Print]


def write(folder: Path, tapes: list[Tape]) -> list[Path]:
    """Write both files; returns their paths."""
    import polars as pl

    quote_schema = {"symbol": pl.String, "derived": pl.Boolean} | dict.fromkeys(
        ("d_at_ms", "d_bid", "spread", "bid_size", "ask_size"), pl.Int32
    )
    print_schema = {"symbol": pl.String} | dict.fromkeys(("d_at_ms", "d_price", "size"), pl.Int32)
    quote_frames, print_frames = [], []
    for tape in tapes:
        at_ms, bid, bid_size, ask, ask_size = _columns(tape.quotes, 5)
        quote_frames.append(
            pl.DataFrame(
                {
                    "symbol": [tape.symbol] * len(at_ms),
                    "derived": [tape.derived] * len(at_ms),
                    "d_at_ms": _differences(at_ms),
                    "d_bid": _differences(bid),
                    "spread": [high - low for low, high in zip(bid, ask, strict=True)],
                    "bid_size": bid_size,
                    "ask_size": ask_size,
                },
                schema=quote_schema,
            )
        )
        at_ms, price, size = _columns(tape.prints, 3)
        print_frames.append(
            pl.DataFrame(
                {
                    "symbol": [tape.symbol] * len(at_ms),
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


def read(folder: Path = FOLDER) -> list[Tape]:
    """All tapes of the folder, in the files' order. Raises `SampleMissing`."""
    import polars as pl

    quotes, prints = _load(folder / QUOTES), _load(folder / PRINTS)
    tapes = []
    for symbol in quotes["symbol"].unique(maintain_order=True).to_list():
        mine = quotes.filter(pl.col("symbol") == symbol)
        at_ms, bid = mine["d_at_ms"].cum_sum().to_list(), mine["d_bid"].cum_sum()
        sides = (
            bid.to_list(),
            mine["bid_size"].to_list(),
            (bid + mine["spread"]).to_list(),
            mine["ask_size"].to_list(),
        )
        trades = prints.filter(pl.col("symbol") == symbol)
        columns = (
            trades["d_at_ms"].cum_sum().to_list(),
            trades["d_price"].cum_sum().to_list(),
            trades["size"].to_list(),
        )
        tapes.append(
            Tape(
                symbol,
                bool(mine["derived"].any()),
                [Quote(*row) for row in zip(at_ms, *sides, strict=True)],
                [Print(*row) for row in zip(*columns, strict=True)],
            )
        )
    return tapes


def _load(path: Path) -> pl.DataFrame:
    import polars as pl

    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise SampleMissing(
            f"cannot read {path}: {problem}; make it with scripts/build_sample.py"
        ) from problem


def _columns(rows: list[Quote] | list[Print], width: int) -> list[list[int]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


def _differences(values: list[int]) -> list[int]:
    return [value - before for value, before in zip(values, [0, *values], strict=False)]
