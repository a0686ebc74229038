"""A number that grows monotonically, also over restarts, without stored state. Pure.

It follows the wall clock: `max(last + 1, clock)`. A restarted process begins above the numbers of the one
before, if that one used at most one number per clock unit on average and the clock was not set back. If
it was set back, the receiver refuses the number as stale, and `leap` moves ahead by doubling steps until
a number is accepted.
"""

from __future__ import annotations

from collections.abc import Callable


class Monotonic:
    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._last = 0
        self._ahead = 0
        self._step = 1

    def next(self) -> int:
        self._last = max(self._last + 1, self._clock() + self._ahead)
        return self._last

    def leap(self, unit: int) -> None:
        """The last number was stale: move ahead of the clock by `unit`, then 2 units, 4 units, …"""
        self._ahead += unit * self._step
        self._step = min(self._step * 2, 1 << 20)
