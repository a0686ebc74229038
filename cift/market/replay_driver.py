"""Plays the recorded day to the engine, loop after loop, each loop a session of its own.

A tick every `TICK_S`: what the tape said since the last tick goes out as one batch. The tape follows
the wall clock, never the other way round: if the engine, this process or the machine stood still, what
was missed is *not* sent late (stale quotes are free money for whoever is faster); each symbol's latest
quote is told instead, and the tape goes on from now. So there is nothing to queue.

After the close the engine ends the session by itself (`closes_at`); the next loop opens a new one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from cift.market import sample
from cift.market.exchange import RETRY_S, Exchange, Sent, open_session, send
from cift.market.rising import Rising
from cift.market.settings import MarketSettings
from cift.market.timeline import Redating, Timeline, command, condense
from cift.platform import telemetry

FEED = 1
"""The replay's feed id; `cift.bootstrap` gives it a house account."""

TICK_S = 0.05
CATCH_UP_S = 1.0
"""What is older than this when it could be sent is not sent."""
CLOSE_MARGIN_S = 1.0
"""The session closes this long after the tape's last moment, and the next loop begins after that."""

log = logging.getLogger("cift.market.replay")

Prepare = Callable[[], Awaitable[None]]


class ReplayDriver:
    """`prepare` states the facts that the replay stands on; called at the start and when the engine
    turns out not to know them (a new journal)."""

    def __init__(
        self,
        engine: Exchange,
        timeline: Timeline,
        settings: MarketSettings,
        prepare: Prepare,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._engine = engine
        self._timeline = timeline
        self._settings = settings
        self._prepare = prepare
        self._clock = clock
        self._source_sequence = Rising(clock)
        self._session = Rising(lambda: clock() // 1_000_000_000)
        self.loops = 0

    async def run(self) -> None:
        """For ever, until cancelled."""
        telemetry.current.set(None)  # what it sends belongs to no request
        while True:
            await self._reach(self._prepare)
            from_ms = sample.OPEN_MS if self.loops else self._settings.replay_from_ms
            await self.play(Redating(self._clock(), from_ms, self._settings.speed))
            self.loops += 1

    async def play(self, dates: Redating) -> None:
        """One loop: from `dates.from_ms` to the close."""
        await self._reach(lambda: self._open(dates))
        log.info("replay: session open", extra={"loop": self.loops, "closes_ns": dates.closes_ns})
        position, sent_ns = self._timeline.position(dates.from_ms), 0
        ends_ns = dates.closes_ns + int(1.5 * CLOSE_MARGIN_S * 1e9)  # surely after the engine closed it
        while (now_ns := self._clock()) <= ends_ns:
            reached = self._timeline.position(dates.day_ms(now_ns))
            if now_ns - sent_ns > CATCH_UP_S * 1e9:
                facts = self._timeline.quotes_at(reached)
            else:
                facts = condense(self._timeline.between(position, reached))
            position = reached
            sent = await self._tell([command(fact, FEED, self._source_sequence.next()) for fact in facts])
            if sent.reached:
                sent_ns = now_ns
                await self._heed(sent, dates)
            else:
                sent_ns = 0
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(max(0.0, TICK_S - (self._clock() - now_ns) / 1e9))

    async def _tell(self, commands: list[dict[str, Any]]) -> Sent:
        return await send(self._engine, commands)

    async def _heed(self, sent: Sent, dates: Redating) -> None:
        """What refusals say about the world: forgotten facts, numbers that ran ahead of our clock."""
        if not sent.refusals:
            return
        if "unknown_feed" in sent.refusals or "unknown_symbol" in sent.refusals:
            log.warning("replay: the engine does not know the market; stating the facts again")
            await self._reach(self._prepare)
            await self._reach(lambda: self._open(dates))
        elif "market_closed" in sent.refusals and self._clock() < dates.closes_ns:
            await self._reach(lambda: self._open(dates))
        elif "stale_source_sequence" in sent.refusals:
            self._source_sequence.leap(60 * 1_000_000_000)
        unexpected = set(sent.refusals) - {"crossed_quote", "stale_source_sequence", "market_closed"}
        if unexpected:
            log.warning("replay: refused", extra={"refusals": sent.refusals})

    async def _open(self, dates: Redating) -> None:
        """The session of this loop, which closes with the recorded day."""
        margin_ns = int(CLOSE_MARGIN_S * 1e9)
        await open_session(
            self._engine, self._session, lambda: max(dates.closes_ns, self._clock()) + margin_ns
        )

    async def _reach(self, act: Prepare) -> None:
        """Do `act`, again and again while the engine cannot be reached."""
        while True:
            try:
                return await act()
            except ConnectionError:
                await asyncio.sleep(RETRY_S)


async def load(settings: MarketSettings) -> Timeline:
    """The sample as a timeline, read off the event loop. Raises `sample.SampleMissing`."""
    return await asyncio.to_thread(lambda: Timeline(sample.read(settings.sample_folder)))
