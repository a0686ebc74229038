"""The port: what a source of outside prices is. One driver (`feed_driver.py`) serves them all.

A source knows its provider's protocol and nothing else: it connects, hands out ticks, and says in one
line why it cannot. Reconnecting, order, duplicates, silence, conflation and the engine are the
driver's.

| source | where |
|---|---|
| replay | `replay.py`: a recorded day, dated to now |
| alpaca | `alpaca/`: WebSocket v2, REST for what was missed |
| massive | `massive/`: the socket of Massive (formerly Polygon), REST for what was missed |
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cift.feeds.outside import Tick

FEEDS = {"replay": 1, "alpaca": 2, "massive": 3}
"""Each feed's number in the engine; `cift.bootstrap` gives each a house account."""


class Lost(Exception):
    """The connection is gone or did not come about; trying again may help, after `wait_s` at least."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class Rejected(Exception):
    """The provider says no, and will again until somebody changes something: its reason, in one line."""


@dataclass(frozen=True, slots=True)
class Session:
    """A time of trading; `closes_ns` None: without an end."""

    opened_ns: int
    closes_ns: int | None


class Connection(Protocol):
    """A live line to the provider, authenticated and subscribed."""

    async def receive(self) -> Sequence[Tick]:
        """What it says next; may be empty. Raises `Lost`, `Rejected`, or `Ended` where it has an end."""

    async def close(self) -> None: ...


class Ended(Exception):
    """The source has no more to say, ever."""


class Source(Protocol):
    name: str
    """A word of a–z and 0–9: of metrics, log lines and the subjects of raw ticks."""
    patient: bool
    """Whether reading it later loses nothing: the driver then reads on when what it read was told."""
    symbols: Sequence[str]

    async def connect(self) -> Connection:
        """Raises `Lost`, `Rejected`."""

    def missed(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        """What was said between, page by page, oldest first; nothing where the source cannot tell.

        Raises `Lost`, `Rejected`.
        """

    def session(self, now_ns: int) -> Session | None:
        """The session that should be open now."""


Sink = Callable[[str, Sequence[Tick]], None]
"""Takes the raw ticks of the feed of this name, each once. Never waits: it has a bounded queue of its own."""
