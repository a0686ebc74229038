"""A number that rises, also over restarts, without anyone having to remember it. Pure.

It follows the wall clock: `max(last + 1, clock)`. A process that starts again begins above whatever
it said before, as long as it did not say more than one number in a clock unit on average, and the
clock was not set back. If it was, the receiver refuses the number as stale and `leap` goes forward
by steps that double until it is accepted.
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
        """The last number was stale: be `unit`, 2 units, 4 units, … further ahead of the clock."""
        self._ahead += unit * self._step
        self._step = min(self._step * 2, 1 << 20)
