"""Follows one source for ever: connects, listens, and tells the engine what an outside market says.

Two tasks, so that neither waits for the other: one reads the source as fast as it speaks (a provider
hangs up on a slow reader), one tells the engine every `TICK_S` what came meanwhile, conflated
(`gathering.py`). What could not be told in time is not told late: stale quotes are free money for
whoever is faster. Each symbol's latest quote is told instead, and the feed goes on from now. So there
is nothing to queue.

- A lost connection is made again after a pause that doubles up to `BACKOFF_MAX_S`; it begins anew only
  when a connection held for `STEADY_S`, because a provider that lets us in and throws us out at once
  is no success. A *rejected* one (wrong key, no subscription) is one line in the log, and the pauses
  are `REJECTED_FIRST_S` to `REJECTED_MAX_S`.
- What was said while we were away is fetched where the source has it, given to the raw listeners, and
  the quotes that it ends with are told.
- Silence for `SILENT_S` is logged and shown (`cift_feed_silent`); the engine withdraws the quotes of a
  silent feed by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from cift.feeds.exchange import RETRY_S, Exchange, Sent, open_session, send
from cift.feeds.feed import FEEDS, Connection, Ended, Lost, Rejected, Session, Sink, Source
from cift.feeds.gathering import Gathering
from cift.feeds.monotonic import Monotonic
from cift.feeds.outside import Quote, Tick, Trade, command
from cift.kernel.clock import rfc3339
from cift.platform import telemetry
from cift.platform.metrics import Counter, Gauge

TICK_S = 0.05
CATCH_UP_S = 1.0
"""When nothing could be told for so long, what came meanwhile is not told."""
SILENT_S = 5.0
"""As `cift.bootstrap` tells the engine."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
STEADY_S = 30.0
REJECTED_FIRST_S = 60.0
REJECTED_MAX_S = 3_600.0
CONNECT_TIMEOUT_S = 30.0
MISSED_MAX_S = 3_600.0
"""A longer absence is filled from here back only."""
MISSED_TIMEOUT_S = 600.0

log = logging.getLogger("cift.feeds.feed")

connected = Gauge("cift_feed_connected", "1 while the feed's connection stands", ["feed"])
silent_now = Gauge("cift_feed_silent", "1 while an open session hears nothing from the feed", ["feed"])
lag_seconds = Gauge("cift_feed_lag_seconds", "From the source's time of the last tick to here", ["feed"])
ticks_total = Counter("cift_feed_ticks", "Ticks received", ["feed"])
told_total = Counter("cift_feed_told", "Quotes and prints that the engine took", ["feed"])
dropped_total = Counter("cift_feed_dropped", "Ticks that were not told to the engine", ["feed", "why"])
refused_total = Counter("cift_feed_refused", "Commands that the engine refused", ["feed", "code"])
connections_total = Counter("cift_feed_connections", "Connections begun, by how it went", ["feed", "outcome"])
gaps_total = Counter("cift_feed_gaps", "Absences that could not be filled", ["feed"])

Prepare = Callable[[], Awaitable[None]]


class Pauses:
    """How long to wait before each try; pure."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s, self._most_s = first_s, most_s
        self._next_s = first_s

    def next(self) -> float:
        pause, self._next_s = self._next_s, min(self._next_s * 2, self._most_s)
        return pause

    def anew(self) -> None:
        self._next_s = self._first_s


class FeedDriver:
    """`prepare` states the facts that the feed stands on; called at the start and when the engine turns
    out not to know them (a new journal). `sink` gets the raw ticks."""

    def __init__(
        self,
        engine: Exchange,
        source: Source,
        prepare: Prepare,
        sink: Sink | None = None,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._engine, self._source, self._prepare, self._sink, self._clock = (
            engine,
            source,
            prepare,
            sink,
            clock,
        )
        self._feed = FEEDS[source.name]
        self._gathering = Gathering()
        self._source_sequence = Monotonic(clock)
        self._session_number = Monotonic(lambda: clock() // 1_000_000_000)
        self._session: Session | None = None
        self._told = asyncio.Event()
        self._heard_ns = 0
        self._standing = False
        """The next batch is each symbol's latest quote."""
        self._live = False
        self._counted: dict[str, int] = {}

    async def run(self) -> None:
        """Until the source ends, or cancelled."""
        telemetry.current.set(None)  # what it sends belongs to no request
        await self._reach(self._prepare)
        telling = asyncio.create_task(self._tell(), name=f"{self._source.name}: tell")
        listening = asyncio.create_task(self._listen(), name=f"{self._source.name}: listen")
        try:
            done, _ = await asyncio.wait((telling, listening), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (telling, listening):
                task.cancel()
            await asyncio.gather(telling, listening, return_exceptions=True)
            self._show(live=False)

    # ── the source ──────────────────────────────────────────────────────────────────────────────
    async def _listen(self) -> None:
        name = self._source.name
        lost, rejected = (
            Pauses(BACKOFF_FIRST_S, BACKOFF_MAX_S),
            Pauses(REJECTED_FIRST_S, REJECTED_MAX_S),
        )
        while True:
            began_ns = self._clock()
            try:
                await self._follow()
            except Ended:
                log.info("%s: it has ended", name)
                await self._drained()
                return
            except Lost as problem:
                if self._clock() - began_ns > STEADY_S * 1e9:
                    lost.anew()
                pause = max(lost.next(), problem.wait_s)
                log.warning("%s: %s; connecting again in %.1f s", name, problem, pause)
                outcome = "lost"
            except Rejected as problem:
                pause = rejected.next()
                log.error("%s refuses: %s; asking again in %.0f s", name, problem, pause)
                outcome = "rejected"
            self._show(live=False)
            connections_total.labels(name, outcome).inc()
            await asyncio.sleep(pause)

    async def _follow(self) -> None:
        """One connection, from beginning to end."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connection = await self._source.connect()
        except TimeoutError:
            raise Lost(f"no connection within {CONNECT_TIMEOUT_S:g} s") from None
        now_ns = self._clock()
        since_ns, self._heard_ns = self._heard_ns, now_ns
        self._show(live=True)
        log.info("%s: connected", self._source.name, extra={"symbols": len(self._source.symbols)})
        filling = None
        if since_ns:
            filling = asyncio.create_task(self._fill(since_ns, now_ns))
        try:
            while True:
                self._hear(await connection.receive())
                if self._source.patient:
                    await self._drained()
        finally:
            if filling is not None:
                filling.cancel()
                await asyncio.gather(filling, return_exceptions=True)
            await self._close(connection)

    def _hear(self, ticks: Sequence[Tick]) -> None:
        if not ticks:
            return
        self._heard_ns = now_ns = self._clock()
        self._pass_on(self._gathering.add(ticks, now_ns))
        ticks_total.labels(self._source.name).inc(len(ticks))
        lag_seconds.labels(self._source.name).set(self._gathering.lag.last_ns / 1e9)
        self._told.clear()

    def _pass_on(self, fresh: Sequence[Tick]) -> None:
        if self._sink is not None and fresh:
            self._sink(self._source.name, fresh)

    async def _fill(self, since_ns: int, until_ns: int) -> None:
        """Fetch what was said while we were away."""
        since_ns = max(since_ns, until_ns - int(MISSED_MAX_S * 1e9))
        found = 0
        try:
            async with asyncio.timeout(MISSED_TIMEOUT_S):
                async for page in self._source.missed(since_ns, until_ns):
                    fresh = self._gathering.add(page, self._clock(), missed=True)
                    found += len(fresh)
                    self._pass_on(fresh)
        except (Lost, Rejected, TimeoutError) as problem:
            gaps_total.labels(self._source.name).inc()
            self._gathering.doubt(since_ns)
            log.warning(
                "%s: what was said since %s is missing: %s",
                self._source.name,
                rfc3339(since_ns),
                problem or "it took too long",
            )
        else:
            self._standing = True
            log.info("%s: filled the gap", self._source.name, extra={"ticks": found})

    async def _close(self, connection: Connection) -> None:
        try:
            await connection.close()
        except OSError:
            pass  # it is gone, which is what we wanted

    async def _drained(self) -> None:
        """Wait until what was heard was told."""
        await self._told.wait()

    def _show(self, *, live: bool) -> None:
        self._live = live
        connected.labels(self._source.name).set(float(live))

    # ── the engine ──────────────────────────────────────────────────────────────────────────────
    async def _tell(self) -> None:
        told_ns = 0
        while True:
            now_ns = self._clock()
            session = self._source.session(now_ns)
            if session != self._session and session is not None:
                await self._reach(lambda opened=session: self._open(opened))  # type: ignore[misc]
                self._session = session
            if session is None:
                self._gathering.forget()
                told_ns = now_ns
            else:
                if now_ns - told_ns > CATCH_UP_S * 1e9:
                    self._standing = True
                if await self._tell_batch(session):
                    told_ns = now_ns
                else:
                    told_ns = 0
                    await asyncio.sleep(RETRY_S)
            self._told.set()
            self._watch(session, now_ns)
            hurry = self._source.patient and self._gathering.waiting
            await asyncio.sleep(0.0 if hurry else max(0.0, TICK_S - (self._clock() - now_ns) / 1e9))

    async def _tell_batch(self, session: Session) -> bool:
        """Tell what came; False when the engine was not reached."""
        ticks: list[Trade | Quote]
        if self._standing:
            # Of a line that is down nobody knows whether its quotes still stand.
            ticks, self._standing = (self._gathering.standing() if self._live else []), False
        else:
            ticks = self._gathering.take()
        sent = await send(
            self._engine, [command(tick, self._feed, self._source_sequence.next()) for tick in ticks]
        )
        told_total.labels(self._source.name).inc(sent.done)
        if sent.reached:
            await self._heed(sent, session)
        return sent.reached

    async def _heed(self, sent: Sent, session: Session) -> None:
        """What refusals say about the world: forgotten facts, numbers that ran ahead of our clock."""
        if not sent.refusals:
            return
        for code, count in sent.refusals.items():
            refused_total.labels(self._source.name, code).inc(count)
        if "unknown_feed" in sent.refusals or "unknown_symbol" in sent.refusals:
            log.warning("%s: the engine does not know the market; stating the facts again", self._source.name)
            await self._reach(self._prepare)
            await self._reach(lambda: self._open(session))
            self._standing = True
        elif "market_closed" in sent.refusals and self._source.session(self._clock()) == session:
            await self._reach(lambda: self._open(session))
            self._standing = True
        elif "stale_source_sequence" in sent.refusals:
            self._source_sequence.leap(60 * 1_000_000_000)
        unexpected = set(sent.refusals) - {"crossed_quote", "stale_source_sequence", "market_closed"}
        if unexpected:
            log.warning("%s: refused", self._source.name, extra={"refusals": sent.refusals})

    async def _open(self, session: Session) -> None:
        closes_ns = session.closes_ns
        await open_session(
            self._engine,
            self._session_number,
            lambda: None if closes_ns is None else max(closes_ns, self._clock() + 1_000_000_000),
        )
        log.info("%s: session open", self._source.name, extra={"closes_ns": closes_ns})

    def _watch(self, session: Session | None, now_ns: int) -> None:
        """Show silence and what was dropped."""
        silent = session is not None and now_ns - self._heard_ns > SILENT_S * 1e9
        gauge = silent_now.labels(self._source.name)
        if silent and not gauge.value and self._heard_ns:
            log.warning("%s: silent for %g s; the engine withdraws its quotes", self._source.name, SILENT_S)
        gauge.set(float(silent))
        for why, count in self._gathering.dropped.items():
            if count != self._counted.get(why):
                dropped_total.labels(self._source.name, why).inc(count - self._counted.get(why, 0))
                self._counted[why] = count

    async def _reach(self, act: Prepare) -> None:
        """Do `act`, again and again while the engine cannot be reached."""
        while True:
            try:
                return await act()
            except ConnectionError:
                await asyncio.sleep(RETRY_S)
