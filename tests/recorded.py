"""The recorded day that tests read, in Lean's files (tests/data/README.md)."""

import os
from pathlib import Path

import polars as pl

from cift.recordings import find, lean
from cift.recordings.numbering import Numbering

THINNED = Path(__file__).resolve().parent / "data" / "lean"
NAMED = os.environ.get("CIFT_SHARED")
LEAN = Path(NAMED) / "data" if NAMED else THINNED
"""The thinned day of this repository, or whole days: the folder `data` of CIFT_SHARED."""
WHOLE_UNTIL_NS = (9 * 60 + 45) * 60 * 10**9
"""Before this time of the day (9:45) the thinned files of IBM hold every row. Since midnight in New York."""


def lean_ticks(symbol: str, kind: str, folder: Path = LEAN) -> pl.DataFrame:
    """The ticks of a symbol on the recorded day, with their sequences, as `cift data load` reads them."""
    (file,) = (f for f in lean.day_files(folder, "tick") if (f.symbol, f.kind) == (symbol, kind))
    (ticks,) = find.LeanTicks(file).batches()
    return Numbering().numbered(ticks)
