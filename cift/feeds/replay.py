"""A recorded day as a source: dated to now, loop after loop, each loop a session of its own.

The tape follows the wall clock, never the other way round: if this process or the machine stood still,
what was missed is not said late; each symbol's latest quote is, and the tape goes on from now. After
the close the engine ends the session by itself (`closes_ns`); the next loop opens a new one.

At `CIFT_SPEED=max` there is no clock: the tape is read as fast as the engine takes it, in pieces of
`PIECE_TICKS`, and a session has no end of its own (the next loop's opening closes it).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from cift.feeds import recording
from cift.feeds.feed import Ended, Session
from cift.feeds.outside import Tick
from cift.feeds.settings import MarketSettings, SettingInvalid
from cift.feeds.timeline import NS_PER_MS, Redating, Timeline

TICK_S = 0.05
CATCH_UP_S = 1.0
"""What is older than this when it could be said is not said."""
CLOSE_MARGIN_S = 1.0
"""The session closes this long after the tape's last moment, and the next loop begins after that."""
PIECE_TICKS = 2_000


class ReplaySource:
    """The port's source, and its connection: a tape is always there."""

    name = "replay"

    def __init__(
        self, timeline: Timeline, settings: MarketSettings, clock: Callable[[], int] = time.time_ns
    ) -> None:
        from_ms = settings.replay_from_ms
        self._from_ms = timeline.opens_ms if from_ms is None else from_ms
        if not timeline.opens_ms <= self._from_ms < timeline.closes_ms:
            raise SettingInvalid(
                f"CIFT_REPLAY_FROM lies outside the recording,"
                f" which goes from {_clock(timeline.opens_ms)} to {_clock(timeline.closes_ms)}"
            )
        self.symbols: Sequence[str] = timeline.symbols
        self.in_whole_units = timeline.in_whole_units
        self.patient = settings.speed is None
        self.loops = 0
        self._loops_max = settings.replay_loops
        self._timeline, self._speed, self._clock = timeline, settings.speed or 1.0, clock
        self._dates: Redating | None = None
        self._position = 0
        self._said_ns = 0

    async def connect(self) -> ReplaySource:
        self._begin(self._from_ms)
        return self

    async def close(self) -> None:
        """There is nothing to close."""

    async def missed(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        """Nothing is missed: the tape runs in this process."""
        nothing: Sequence[Sequence[Tick]] = ()
        for page in nothing:
            yield page

    def session(self, now_ns: int) -> Session | None:
        if self._dates is None:
            return None
        if self.patient:
            return Session(self._dates.started_ns, None)
        closes_ns = self._closes_ns() + int(CLOSE_MARGIN_S * 1e9)
        return Session(self._dates.started_ns, closes_ns) if now_ns < closes_ns else None

    async def receive(self) -> Sequence[Tick]:
        if self.patient:
            return self._piece()
        await asyncio.sleep(TICK_S)
        assert self._dates is not None
        now_ns = self._clock()
        if now_ns > self._closes_ns() + int(1.5 * CLOSE_MARGIN_S * 1e9):  # surely after the engine closed it
            self._end_loop()
        dates = self._dates
        reached = self._timeline.position(dates.day_ms(now_ns))
        if now_ns - self._said_ns > CATCH_UP_S * 1e9:
            ticks: list[Tick] = [quote._replace(at_ns=now_ns) for quote in self._timeline.quotes_at(reached)]
        else:
            ticks = [
                tick._replace(at_ns=dates.wall_ns(tick.at_ns / NS_PER_MS))
                for tick in self._timeline.between(self._position, reached)
            ]
        self._position, self._said_ns = reached, now_ns
        return ticks

    def _piece(self) -> list[Tick]:
        now_ns, end = self._clock(), min(self._position + PIECE_TICKS, len(self._timeline))
        ticks: list[Tick] = [
            tick._replace(at_ns=now_ns) for tick in self._timeline.between(self._position, end)
        ]
        self._position = end
        if not ticks:
            self._end_loop()
        return ticks

    def _closes_ns(self) -> int:
        assert self._dates is not None
        return self._dates.wall_ns(self._timeline.closes_ms)

    def _begin(self, from_ms: int) -> None:
        self._dates = Redating(self._clock(), from_ms, self._speed)
        self._position, self._said_ns = self._timeline.position(from_ms), 0

    def _end_loop(self) -> None:
        self.loops += 1
        if self.loops == self._loops_max:
            raise Ended
        self._begin(self._timeline.opens_ms)


def _clock(day_ms: int) -> str:
    minutes = day_ms // 60_000
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


async def load(settings: MarketSettings) -> ReplaySource:
    """The recording that the settings name, read off the event loop.

    Raises:
        SampleMissing: it cannot be read.
        SettingInvalid: it does not hold the time to begin at.
    """
    timeline = await asyncio.to_thread(
        recording.read, settings.sample_folder, settings.symbols, settings.replay_day
    )
    return ReplaySource(timeline, settings)
