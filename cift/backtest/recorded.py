"""Recorded ticks as arrays, for a backtest."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cift.feeds import recording, sample


@dataclass(frozen=True)
class Ticks:
    """Ticks in order of time.

    times: int64, ns since the midnight of the recorded day. kinds: int8, 0 a trade, 1 a quote. numbers: int64
    indices of `symbols`. columns: int64 nanos, shape (4, ticks): price and size of the trade or the bid, then
    of the ask. units: tick and lot of each symbol, in nanos.
    """

    symbols: list[str]
    units: list[tuple[int, int]]
    times: Any
    kinds: Any
    numbers: Any
    columns: Any

    def __len__(self) -> int:
        return len(self.times)

    def between(self, start_ns: int, end_ns: int) -> "Ticks":
        """The ticks with start ≤ time < end."""
        first, last = np.searchsorted(self.times, [start_ns, end_ns])
        return self.part(int(first), int(last))

    def part(self, first: int, last: int) -> "Ticks":
        """The ticks of these positions."""
        return replace(
            self,
            times=self.times[first:last],
            kinds=self.kinds[first:last],
            numbers=self.numbers[first:last],
            columns=np.ascontiguousarray(self.columns[:, first:last]),
        )


def read(path: Path = sample.FOLDER, symbols: Sequence[str] = (), day: str = "") -> Ticks:
    """The ticks of one `day` (YYYY-MM-DD; empty: the first) of a recording, in any format of docs/formats.md.

    Raises:
        SampleMissing: the recording cannot be read, or has no tick of a symbol.
    """
    line = recording.read(path, symbols, day)
    missing = sorted(set(symbols) - set(line.symbols))
    if missing:
        raise sample.SampleMissing(f"{path} has no tick of {', '.join(missing)}")
    times, kinds, numbers, *rest = (np.asarray(column, np.int64) for column in line.columns())
    units = [line.units[symbol] for symbol in line.symbols]
    return Ticks(line.symbols, units, times, kinds.astype(np.int8), numbers, np.array(rest))
