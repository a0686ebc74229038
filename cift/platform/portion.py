"""How many messages a handler receives next: a poison message is found by halving.

If the handler refuses a batch, it receives the first half of it next. Messages that pass are done; a half
that is refused is halved again, until it is one message. relay does the same
(`rust_core/crates/relay/src/post_size.rs`). Pure.
"""


class Portion:
    """The batch size for one handler."""

    def __init__(self, batch: int) -> None:
        assert batch > 0
        self._batch = batch
        self._suspects = 0  # one of the first `_suspects` messages is poison; 0: none is known

    def of(self, waiting: int) -> int:
        """The number of messages to deliver next, of `waiting`; at least one."""
        assert waiting > 0
        if self._suspects == 0:
            return min(self._batch, waiting)
        return max(1, min(self._suspects // 2, waiting))

    def passed(self, count: int) -> None:
        """The handler accepted the first `count` messages, or they moved to DLQ."""
        self._suspects = max(0, self._suspects - count)

    def poisoned(self, count: int) -> bool:
        """The handler refused the first `count` messages as poison; true if that is a single message."""
        self._suspects = count
        return count == 1

    def reset(self) -> None:
        """Forget the suspects: the next messages are from another position of the stream."""
        self._suspects = 0
