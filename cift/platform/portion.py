"""How much of what has arrived a handler is given next: finding a poison by halving.

Of a portion that was refused the first half is given; what passes is done, what is refused is halved
again, until one message stands alone. relay does the same (`rust_core/crates/relay/src/post_size.rs`).
Pure.
"""


class Portion:
    """Of one handler."""

    def __init__(self, batch: int) -> None:
        assert batch > 0
        self._batch = batch
        self._suspects = 0  # so many at the front hold a poison; 0: none is known

    def of(self, there: int) -> int:
        """Of so many that are there, how many to give; at least one."""
        assert there > 0
        if self._suspects == 0:
            return min(self._batch, there)
        return max(1, min(self._suspects // 2, there))

    def passed(self, count: int) -> None:
        """So many were dealt with, or put aside."""
        self._suspects = max(0, self._suspects - count)

    def poisoned(self, count: int) -> bool:
        """So many were refused as poison; true when that is the one."""
        self._suspects = count
        return count == 1

    def begin_anew(self) -> None:
        """What is there is another stretch of the stream now."""
        self._suspects = 0
