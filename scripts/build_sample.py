"""Make `data/sample/*.parquet` from a folder of QuantConnect Lean sample data.

Usage: python scripts/build_sample.py LEAN_DATA [--out data/sample] [--window-ms 100]
       (or CIFT_LEAN_DATA=... python scripts/build_sample.py)

LEAN_DATA holds `equity/usa/tick/<symbol>/<yyyymmdd>_{trade,quote}.zip`, as in the `Data` folder of
the Lean repository. The regular session of one day is kept; `cift/market/quotes.py` decides what a
quote is; `cift/market/sample.py` says what the columns mean and reads them back. The same input
gives the same rows.
"""

from __future__ import annotations

import argparse
import os
import sys
import zipfile
from pathlib import Path

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cift.market import quotes, sample

DATE = "20131007"
SYMBOLS = ("SPY", "IBM", "BAC", "AIG")
UNITS_PER_TICK = 100
"""The source's prices are in 1/10,000 dollar; ours in ticks of 0.01."""


def read_ticks(path: Path, columns: list[str]) -> pl.DataFrame:
    """One zip of CSV without header; every column an integer but the venue and the condition."""
    types = [pl.Utf8 if name in ("venue", "condition") else pl.Int64 for name in columns]
    with zipfile.ZipFile(path) as archive:
        data = archive.read(archive.namelist()[0])
    frame = pl.read_csv(data, has_header=False, new_columns=columns, schema_overrides=types)
    return frame.filter(
        (pl.col("suspicious") == 0)
        & (pl.col("at_ms") >= sample.OPEN_MS)
        & (pl.col("at_ms") < sample.CLOSE_MS)
    )


def read_prints(path: Path) -> list[quotes.Print]:
    frame = read_ticks(path, ["at_ms", "price", "size", "venue", "condition", "suspicious"])
    conditions = {text: int(text or "0", 16) for text in frame["condition"].unique().to_list()}
    rows = zip(frame["at_ms"], frame["price"], frame["size"], frame["condition"], strict=True)
    return list(
        quotes.merge_prints(
            quotes.Print(at_ms, price // UNITS_PER_TICK, size)
            for at_ms, price, size, condition in rows
            if quotes.is_last_sale(conditions[condition]) and price % UNITS_PER_TICK == 0
        )
    )


def read_quotes(path: Path, prints: list[quotes.Print], window_ms: int) -> list[quotes.Quote]:
    columns = ["at_ms", "bid", "bid_size", "ask", "ask_size", "venue", "condition", "suspicious"]
    frame = read_ticks(path, columns)
    rows = zip(*(frame[name] for name in columns[:5]), strict=True)
    return list(
        quotes.quotes_from_updates(
            (
                quotes.Update(at_ms, bid // UNITS_PER_TICK, bid_size, ask // UNITS_PER_TICK, ask_size)
                for at_ms, bid, bid_size, ask, ask_size in rows
            ),
            prints,
            window_ms,
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lean_data", nargs="?", default=os.environ.get("CIFT_LEAN_DATA"))
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).resolve().parent.parent / "data" / "sample"
    )
    parser.add_argument("--window-ms", type=int, default=quotes.WINDOW_MS)
    arguments = parser.parse_args()
    if not arguments.lean_data:
        parser.error("give the folder of Lean data, or set CIFT_LEAN_DATA")
    ticks = Path(arguments.lean_data) / "equity" / "usa" / "tick"
    if not ticks.is_dir():
        parser.error(f"{ticks} is not a folder")
    arguments.out.mkdir(parents=True, exist_ok=True)
    tapes = []
    for symbol in SYMBOLS:
        folder = ticks / symbol.lower()
        prints = read_prints(folder / f"{DATE}_trade.zip")
        quote_file = folder / f"{DATE}_quote.zip"
        derived = not quote_file.exists()
        symbol_quotes = (
            list(quotes.quotes_from_prints(prints, arguments.window_ms))
            if derived
            else read_quotes(quote_file, prints, arguments.window_ms)
        )
        tapes.append(sample.Tape(symbol, derived, symbol_quotes, prints))
        source = "derived from prints" if derived else "recorded"
        print(f"{symbol}: {len(prints):,} prints, {len(symbol_quotes):,} quotes ({source})")
    for path in sample.write(arguments.out, tapes):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
