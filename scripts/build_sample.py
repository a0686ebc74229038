"""Make `data/sample/*.parquet` from a folder of QuantConnect Lean sample data.

Usage: python scripts/build_sample.py LEAN_DATA [--out data/sample] [--window-ms 100]
       (or CIFT_LEAN_DATA=... python scripts/build_sample.py)

LEAN_DATA holds `equity/usa/tick/<symbol>/<yyyymmdd>_{trade,quote}.zip`, as in the `Data` folder of
the Lean repository. `cift/feeds/lean.py` reads them; `cift/feeds/quotes.py` decides what a
quote is; `cift/feeds/sample.py` says what the columns mean and reads them back. The same input
gives the same rows.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cift.feeds import lean, quotes, sample

DATE = "20131007"
SYMBOLS = ("SPY", "IBM", "BAC", "AIG")


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
        tape = lean.tape(folder / f"{DATE}_trade.zip", folder / f"{DATE}_quote.zip", arguments.window_ms)
        tapes.append(tape)
        source = "derived from prints" if tape.derived else "recorded"
        print(f"{symbol}: {len(tape.prints):,} prints, {len(tape.quotes):,} quotes ({source})")
    for path in sample.write(arguments.out, tapes):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
