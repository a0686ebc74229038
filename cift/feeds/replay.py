"""A recorded day as a source: re-dated to now, in a loop. Each loop is a session of its own.

The recording follows the wall clock. If this process or the machine stood still, the missed ticks are not
sent late: each symbol's latest quote is sent, and the recording continues from now. After the close the
engine ends the session by itself (`closes_ns`); the next loop opens a new one.

`CIFT_SPEED=max` has no clock: the recording is read as fast as the engine takes it, `READ_TICKS` at a
time. Its session has no end; the next loop's session replaces it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

from cift.feeds import recording
from cift.feeds.feed import FeedEnded, Session
from cift.feeds.outside import Tick
from cift.feeds.settings import MarketSettings, SettingInvalid
from cift.feeds.timeline import NS_PER_MS, Redating, Timeline

TICK_S = 0.05
CATCH_UP_S = 1.0
"""After a longer pause, only each symbol's latest quote is sent."""
CLOSE_MARGIN_S = 1.0
"""The session closes this long after the recording's end; the next loop begins after that."""
READ_TICKS = 2_000


class ReplaySource:
    """A source and its own connection."""

    name = "replay"

    def __init__(
        self, timeline: Timeline, settings: MarketSettings, clock: Callable[[], int] = time.time_ns
    ) -> None:
        from_ms = settings.replay_from_ms
        self._from_ms = timeline.opens_ms if from_ms is None else from_ms
        if not timeline.opens_ms <= self._from_ms < timeline.closes_ms:
            raise SettingInvalid(
                f"CIFT_REPLAY_FROM is {_clock(self._from_ms)}, outside the recording,"
                f" which goes from {_clock(timeline.opens_ms)} to {_clock(timeline.closes_ms)}"
            )
        self.symbols: Sequence[str] = timeline.symbols
        self.units = timeline.units
        self.waits_for_engine = settings.speed is None
        self.loops = 0
        self._loops_max = settings.replay_loops
        self._timeline, self._speed, self._clock = timeline, settings.speed or 1.0, clock
        self._redating: Redating | None = None
        self._position = 0
        self._read_ns = 0

    async def connect(self) -> ReplaySource:
        self._begin(self._from_ms)
        return self

    async def close(self) -> None:
        """There is nothing to close."""

    async def missed(self, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        """Nothing: the recording is read in this process, so no tick is missed."""
        nothing: Sequence[Sequence[Tick]] = ()
        for page in nothing:
            yield page

    def session(self, now_ns: int) -> Session | None:
        if self._redating is None:
            return None
        if self.waits_for_engine:
            return Session(self._redating.started_ns, None)
        closes_ns = self._closes_ns() + int(CLOSE_MARGIN_S * 1e9)
        return Session(self._redating.started_ns, closes_ns) if now_ns < closes_ns else None

    async def receive(self) -> Sequence[Tick]:
        if self.waits_for_engine:
            return self._read_next()
        await asyncio.sleep(TICK_S)
        assert self._redating is not None
        now_ns = self._clock()
        if now_ns > self._closes_ns() + int(1.5 * CLOSE_MARGIN_S * 1e9):  # the engine has closed the session
            self._end_loop()
        redating = self._redating
        reached = self._timeline.position(redating.day_ms(now_ns))
        if now_ns - self._read_ns > CATCH_UP_S * 1e9:
            ticks: list[Tick] = [quote._replace(at_ns=now_ns) for quote in self._timeline.quotes_at(reached)]
        else:
            ticks = [
                tick._replace(at_ns=redating.wall_ns(tick.at_ns / NS_PER_MS))
                for tick in self._timeline.between(self._position, reached)
            ]
        self._position, self._read_ns = reached, now_ns
        return ticks

    def _read_next(self) -> list[Tick]:
        now_ns, end = self._clock(), min(self._position + READ_TICKS, len(self._timeline))
        ticks: list[Tick] = [
            tick._replace(at_ns=now_ns) for tick in self._timeline.between(self._position, end)
        ]
        self._position = end
        if not ticks:
            self._end_loop()
        return ticks

    def _closes_ns(self) -> int:
        assert self._redating is not None
        return self._redating.wall_ns(self._timeline.closes_ms)

    def _begin(self, from_ms: int) -> None:
        self._redating = Redating(self._clock(), from_ms, self._speed)
        self._position, self._read_ns = self._timeline.position(from_ms), 0

    def _end_loop(self) -> None:
        self.loops += 1
        if self.loops == self._loops_max:
            raise FeedEnded
        self._begin(self._timeline.opens_ms)


def _clock(day_ms: int) -> str:
    minutes = day_ms // 60_000
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


async def load(settings: MarketSettings) -> ReplaySource:
    """The recording of the settings, read in a thread.

    Raises:
        SampleMissing: it cannot be read.
        SettingInvalid: CIFT_REPLAY_FROM is outside the recording.
    """
    timeline = await asyncio.to_thread(
        recording.read, settings.sample_folder, settings.symbols, settings.replay_day
    )
    return ReplaySource(timeline, settings)
