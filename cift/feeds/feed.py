"""The interface of a source of outside prices. One driver (`feed_driver.py`) runs every source.

A source implements its provider's protocol and nothing else: it connects, returns ticks, and reports
failures in one line. The driver reconnects, orders ticks, drops duplicates, detects silence, conflates,
and sends to the engine.

| source | module |
|---|---|
| replay | `replay.py`: a recorded day, re-dated to now |
| alpaca | `alpaca/`: WebSocket v2, and REST for missed ticks |
| massive | `massive/`: the WebSocket of Massive (formerly Polygon), and REST for missed ticks |
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cift.feeds.outside import Tick

FEEDS = {"replay": 1, "alpaca": 2, "massive": 3}
"""Each feed's number in the engine; `cift.bootstrap` gives each a house account."""


class FeedUnavailable(Exception):
    """The connection is lost or could not be opened. A retry can succeed, after at least `wait_s`."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class FeedRejected(Exception):
    """The provider rejects the request, and will until something is changed. The message is its reason,
    in one line."""


class FeedEnded(Exception):
    """The source has no more ticks."""


@dataclass(frozen=True, slots=True)
class Session:
    """A trading session; `closes_ns` None: it does not end."""

    opened_ns: int
    closes_ns: int | None


class Connection(Protocol):
    """An authenticated and subscribed connection to the provider."""

    async def receive(self) -> Sequence[Tick]:
        """The next ticks; may be empty. Raises FeedUnavailable, FeedRejected, FeedEnded."""

    async def close(self) -> None: ...


class Source(Protocol):
    name: str
    """Letters a-z and digits; used in metrics, log lines and the subjects of raw ticks."""
    waits_for_engine: bool
    """Whether the driver reads on only after the engine has taken the ticks read before. False for live
    providers."""
    symbols: Sequence[str]

    async def connect(self) -> Connection:
        """Raises FeedUnavailable, FeedRejected."""

    def missed(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        """The ticks between the two times, page by page, oldest first; nothing if the source has no history.

        Raises FeedUnavailable, FeedRejected.
        """

    def session(self, now_ns: int) -> Session | None:
        """The session that should be open now."""


Sink = Callable[[str, Sequence[Tick]], None]
"""Receives the raw ticks of the feed with this name, each once. It never waits: it has a bounded queue of
its own."""
