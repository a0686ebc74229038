"""Does a strategy, or a function of signals, use what it could not know yet?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cift.backtest.engine import Settings, traced
from cift.backtest.recorded import Ticks
from cift.backtest.strategy import Strategy

CUTS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Finding:
    """`ok`: nothing was found. `text`: one sentence for people."""

    ok: bool
    text: str


def check_strategy(
    make: Callable[[], Strategy], ticks: Ticks, settings: Settings, cuts: Sequence[float] = CUTS
) -> list[Finding]:
    """Runs a strategy twice on all ticks, and on truncated ticks. Its orders must be the same each time.

    A difference between equal runs means a clock, a random number without a seed, or a state that outlives a
    run. A difference on truncated ticks means that the strategy read later data, for example from a file.
    """
    _, whole = traced(make(), ticks, settings)
    _, again = traced(make(), ticks, settings)
    findings = [
        Finding(True, f"two runs place the same {len(whole)} orders")
        if whole == again
        else Finding(False, f"two runs on the same ticks differ from order {_first(whole, again)} on")
    ]
    for cut in cuts:
        rows = int(len(ticks) * cut)
        _, part = traced(make(), ticks.part(0, rows), settings)
        past = whole[: len(part)]
        if part == past:
            findings.append(Finding(True, f"the first {rows:,} ticks alone give the same orders"))
        else:
            text = (
                f"on the first {rows:,} ticks alone, order {_first(past, part)} differs: later data was used"
            )
            findings.append(Finding(False, text))
    return findings


def check_signals(
    signals: Callable[[pl.DataFrame], pl.Series], frame: pl.DataFrame, cuts: Sequence[float] = CUTS
) -> list[Finding]:
    """Calls a function of signals on a frame and on its first rows. The past must not change."""
    whole = signals(frame).cast(pl.Float64).to_numpy()
    findings = []
    for cut in cuts:
        rows = int(frame.height * cut)
        part = signals(frame.head(rows)).cast(pl.Float64).to_numpy()
        different = ~np.isclose(part, whole[:rows], rtol=1e-9, atol=1e-12, equal_nan=True)
        if different.any():
            row = int(np.flatnonzero(different)[0])
            text = f"the signal of row {row:,} is {part[row]:g} with {rows:,} rows, {whole[row]:g} with all"
            findings.append(Finding(False, text + ": it looks ahead"))
        else:
            findings.append(Finding(True, f"{rows:,} rows alone give the same signals"))
    return findings


def _first(one: Sequence[object], other: Sequence[object]) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other))) + 1
