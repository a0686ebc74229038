"""Write `data/sample/*.parquet` from a folder of QuantConnect Lean sample data.

Usage: python scripts/build_sample.py LEAN_DATA [--out data/sample] [--window-ms 100]
       (or CIFT_LEAN_DATA=... python scripts/build_sample.py)

LEAN_DATA holds `equity/usa/tick/<symbol>/<yyyymmdd>_{trade,quote}.zip`, as in the `Data` folder of the
Lean repository. `cift/recordings/lean.py` reads them, `cift/feeds/lean_replay.py` and
`cift/feeds/quotes.py` derive the quotes, and `cift/feeds/sample.py` writes the files, reads them back and
documents their columns. The same input gives the same rows.
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cift.feeds import lean_replay, quotes, sample
from cift.recordings import lean

DATE = date(2013, 10, 7)
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
        parser.error("pass the folder of Lean data, or set CIFT_LEAN_DATA")
    ticks = Path(arguments.lean_data) / "equity" / "usa" / "tick"
    if not ticks.is_dir():
        parser.error(f"{ticks} is not a folder")
    arguments.out.mkdir(parents=True, exist_ok=True)
    files = [file for file in lean.day_files(ticks, "tick") if file.day == DATE]
    days = []
    for symbol in SYMBOLS:
        day = lean_replay.symbol_day([file for file in files if file.symbol == symbol], arguments.window_ms)
        days.append(day)
        source = "derived from prints" if day.derived else "recorded"
        print(f"{symbol}: {len(day.prints):,} prints, {len(day.quotes):,} quotes ({source})")
    for path in sample.write(arguments.out, days):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
