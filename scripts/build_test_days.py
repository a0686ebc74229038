"""Write `tests/data/lean` from a folder of QuantConnect Lean sample data: one day, thinned.

Usage: python scripts/build_test_days.py LEAN_DATA

LEAN_DATA holds `equity/usa/tick/<symbol>/<yyyymmdd>_{trade,quote}.zip` and `equity/usa/factor_files`, as in
the `Data` folder of the Lean repository. EVERY defines which rows remain. The same input gives the same
bytes.
"""

import shutil
import sys
import zipfile
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "lean"
DAY = "20131007"
FULL_UNTIL_MS = (9 * 60 + 45) * 60_000
"""9:45 in New York, in ms since midnight."""
EVERY = {
    ("spy", "trade"): (32, 32),
    ("ibm", "trade"): (1, 16),
    ("ibm", "quote"): (1, 16),
    ("bac", "trade"): (16, 16),
    ("bac", "quote"): (48, 48),
    ("aig", "trade"): (1, 16),
    ("aig", "quote"): (24, 64),
}
"""Which rows a file keeps: each n-th block before FULL_UNTIL_MS, and each n-th after."""
BLOCK_ROWS = 4
FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def thinned(rows: list[bytes], before: int, after: int) -> bytes:
    """The first of every n blocks of rows. Blocks, because single rows of quotes have one side each, and
    would nearly always give crossed quotes."""
    early = sum(int(row.partition(b",")[0]) < FULL_UNTIL_MS for row in rows)
    parts = ((rows[:early], before), (rows[early:], after))
    return b"".join(
        row for part, every in parts for index, row in enumerate(part) if index // BLOCK_ROWS % every == 0
    )


def main() -> None:
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "equity/usa/tick").is_dir():
        sys.exit(__doc__)
    source = Path(sys.argv[1]) / "equity" / "usa"
    for (symbol, kind), every in EVERY.items():
        name = f"tick/{symbol}/{DAY}_{kind}.zip"
        with zipfile.ZipFile(source / name) as archive:
            (member,) = archive.namelist()
            data = thinned(archive.read(member).splitlines(keepends=True), *every)
        path = OUT / "equity" / "usa" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            info = zipfile.ZipInfo(member, FIXED_TIME)
            archive.writestr(info, data, zipfile.ZIP_DEFLATED, compresslevel=9)
        count = data.count(b"\n")
        print(f"{name}: {count:,} rows, {path.stat().st_size:,} bytes")
    factors = OUT / "equity" / "usa" / "factor_files"
    factors.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source / "factor_files" / "ibm.csv", factors / "ibm.csv")


if __name__ == "__main__":
    main()
