"""Runs one source: connects, receives its ticks, and sends quotes and prints to the engine.

There are two tasks, so that neither waits for the other. One reads the source as fast as it sends,
because a provider disconnects a slow reader. The other sends the ticks of the last `TICK_S` to the
engine, conflated (`pending_ticks.py`). Ticks that could not be sent in time are not sent late, because
stale quotes are free money for faster traders. Instead each symbol's latest quote is sent, and the feed
continues from now. So nothing is queued.

- A lost connection is opened again after a pause that doubles up to `BACKOFF_MAX_S`. The pause starts from
  `BACKOFF_FIRST_S` again only after a connection lasted `STEADY_S`: a provider that accepts a connection
  and closes it at once is no success. A *rejected* connection (wrong key, no subscription) is one line in
  the log, and its pauses are `REJECTED_FIRST_S` to `REJECTED_MAX_S`.
- Ticks missed during a disconnection are fetched if the source has a history, and passed to the sink. The
  latest quotes are sent to the engine.
- Silence for `SILENT_S` is logged and shown (`cift_feed_silent`). The engine withdraws the quotes of a
  silent feed by itself.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from cift.feeds.exchange import RETRY_S, Exchange, SendResult, open_session, send
from cift.feeds.feed import (
    FEEDS,
    Connection,
    FeedEnded,
    FeedRejected,
    FeedUnavailable,
    Session,
    Sink,
    Source,
)
from cift.feeds.monotonic import Monotonic
from cift.feeds.outside import Quote, Tick, Trade, command
from cift.feeds.pending_ticks import PendingTicks
from cift.kernel.clock import rfc3339
from cift.platform import telemetry
from cift.platform.metrics import Counter, Gauge

TICK_S = 0.05
CATCH_UP_S = 1.0
"""After this time without a successful batch, pending ticks are dropped and only the latest quotes are
sent."""
SILENT_S = 5.0
"""The same as `cift.bootstrap` configures in the engine."""
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
STEADY_S = 30.0
REJECTED_FIRST_S = 60.0
REJECTED_MAX_S = 3_600.0
CONNECT_TIMEOUT_S = 30.0
MISSED_MAX_S = 3_600.0
"""Of a longer disconnection only this last part is fetched."""
MISSED_TIMEOUT_S = 600.0

log = logging.getLogger("cift.feeds.feed")

connected = Gauge("cift_feed_connected", "1 while the feed is connected", ["feed"])
silent_now = Gauge("cift_feed_silent", "1 while the feed sends nothing during an open session", ["feed"])
lag_seconds = Gauge("cift_feed_lag_seconds", "From the source's time of the last tick to here", ["feed"])
ticks_total = Counter("cift_feed_ticks", "Ticks received", ["feed"])
accepted_total = Counter("cift_feed_accepted", "Quotes and prints that the engine accepted", ["feed"])
dropped_total = Counter("cift_feed_dropped", "Ticks that were not sent to the engine", ["feed", "why"])
refused_total = Counter("cift_feed_refused", "Commands that the engine refused", ["feed", "code"])
connections_total = Counter("cift_feed_connections", "Ended connections, by outcome", ["feed", "outcome"])
gaps_total = Counter("cift_feed_gaps", "Disconnections whose missed ticks could not be fetched", ["feed"])

Prepare = Callable[[], Awaitable[None]]


class Backoff:
    """The pauses before retries; pure."""

    def __init__(self, first_s: float, max_s: float) -> None:
        self._first_s, self._max_s = first_s, max_s
        self._next_s = first_s

    def next(self) -> float:
        pause, self._next_s = self._next_s, min(self._next_s * 2, self._max_s)
        return pause

    def reset(self) -> None:
        self._next_s = self._first_s


class FeedDriver:
    """`prepare` sends the facts that the feed needs (instruments, the feed itself). It is called at the
    start, and when the engine does not know them (a new journal). `sink` receives the raw ticks."""

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
        self._pending = PendingTicks()
        self._source_sequence = Monotonic(clock)
        self._session_number = Monotonic(lambda: clock() // 1_000_000_000)
        self._session: Session | None = None
        self._all_sent = asyncio.Event()
        """Set when every tick received so far has been sent or dropped."""
        self._received_ns = 0
        self._only_latest = False
        """The next batch is each symbol's latest quote."""
        self._is_connected = False
        self._counted: dict[str, int] = {}

    async def run(self) -> None:
        """Run until the source ends, or until cancelled."""
        telemetry.current.set(None)  # the commands belong to no request
        await self._until_reached(self._prepare)
        sending = asyncio.create_task(self._send(), name=f"{self._source.name}: send")
        receiving = asyncio.create_task(self._receive(), name=f"{self._source.name}: receive")
        try:
            done, _ = await asyncio.wait((sending, receiving), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            self._set_connected(False)

    async def _receive(self) -> None:
        """One connection after the other."""
        name = self._source.name
        lost = Backoff(BACKOFF_FIRST_S, BACKOFF_MAX_S)
        rejected = Backoff(REJECTED_FIRST_S, REJECTED_MAX_S)
        while True:
            began_ns = self._clock()
            try:
                await self._receive_connection()
            except FeedEnded:
                log.info("%s: the source has ended", name)
                await self._all_sent.wait()
                return
            except FeedUnavailable as problem:
                if self._clock() - began_ns > STEADY_S * 1e9:
                    lost.reset()
                pause = max(lost.next(), problem.wait_s)
                log.warning("%s: %s; reconnecting in %.1f s", name, problem, pause)
                outcome = "lost"
            except FeedRejected as problem:
                pause = rejected.next()
                log.error("%s: rejected by the provider: %s; retrying in %.0f s", name, problem, pause)
                outcome = "rejected"
            self._set_connected(False)
            connections_total.labels(name, outcome).inc()
            await asyncio.sleep(pause)

    async def _receive_connection(self) -> None:
        """One connection, from its start to its end."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                connection = await self._source.connect()
        except TimeoutError:
            raise FeedUnavailable(f"no connection within {CONNECT_TIMEOUT_S:g} s") from None
        now_ns = self._clock()
        since_ns, self._received_ns = self._received_ns, now_ns
        self._set_connected(True)
        log.info("%s: connected", self._source.name, extra={"symbols": len(self._source.symbols)})
        fetching = None
        if since_ns:
            fetching = asyncio.create_task(self._fetch_missed(since_ns, now_ns))
        try:
            while True:
                self._take(await connection.receive())
                if self._source.waits_for_engine:
                    await self._all_sent.wait()
        finally:
            if fetching is not None:
                fetching.cancel()
                await asyncio.gather(fetching, return_exceptions=True)
            await self._close(connection)

    def _take(self, ticks: Sequence[Tick]) -> None:
        if not ticks:
            return
        self._received_ns = now_ns = self._clock()
        self._pass_to_sink(self._pending.add(ticks, now_ns))
        ticks_total.labels(self._source.name).inc(len(ticks))
        lag_seconds.labels(self._source.name).set(self._pending.lag.last_ns / 1e9)
        self._all_sent.clear()

    def _pass_to_sink(self, fresh: Sequence[Tick]) -> None:
        if self._sink is not None and fresh:
            self._sink(self._source.name, fresh)

    async def _fetch_missed(self, since_ns: int, until_ns: int) -> None:
        """Fetch the ticks of a disconnection."""
        since_ns = max(since_ns, until_ns - int(MISSED_MAX_S * 1e9))
        found = 0
        try:
            async with asyncio.timeout(MISSED_TIMEOUT_S):
                async for page in self._source.missed(since_ns, until_ns):
                    fresh = self._pending.add(page, self._clock(), missed=True)
                    found += len(fresh)
                    self._pass_to_sink(fresh)
        except (FeedUnavailable, FeedRejected, TimeoutError) as problem:
            gaps_total.labels(self._source.name).inc()
            self._pending.expire_quotes(since_ns)
            log.warning(
                "%s: cannot fetch the ticks missed since %s: %s",
                self._source.name,
                rfc3339(since_ns),
                problem or "it took too long",
            )
        else:
            self._only_latest = True
            log.info("%s: fetched the missed ticks", self._source.name, extra={"ticks": found})

    async def _close(self, connection: Connection) -> None:
        try:
            await connection.close()
        except OSError:
            pass  # already closed

    def _set_connected(self, is_connected: bool) -> None:
        self._is_connected = is_connected
        connected.labels(self._source.name).set(float(is_connected))

    async def _send(self) -> None:
        """One batch to the engine every `TICK_S`."""
        sent_ns = 0
        while True:
            now_ns = self._clock()
            session = self._source.session(now_ns)
            if session != self._session and session is not None:
                await self._until_reached(lambda opened=session: self._open(opened))  # type: ignore[misc]
                self._session = session
            if session is None:
                self._pending.clear()
                sent_ns = now_ns
            else:
                if now_ns - sent_ns > CATCH_UP_S * 1e9:
                    self._only_latest = True
                if await self._send_batch(session):
                    sent_ns = now_ns
                else:
                    sent_ns = 0
                    await asyncio.sleep(RETRY_S)
            self._all_sent.set()
            self._report(session, now_ns)
            at_once = self._source.waits_for_engine and self._pending.count
            await asyncio.sleep(0.0 if at_once else max(0.0, TICK_S - (self._clock() - now_ns) / 1e9))

    async def _send_batch(self, session: Session) -> bool:
        """Send the pending ticks. False if the engine could not be reached."""
        ticks: list[Trade | Quote]
        if self._only_latest:
            # Without a connection it is unknown whether the latest quotes are still valid.
            ticks, self._only_latest = (self._pending.latest_quotes() if self._is_connected else []), False
        else:
            ticks = self._pending.take()
        sent = await send(
            self._engine, [command(tick, self._feed, self._source_sequence.next()) for tick in ticks]
        )
        accepted_total.labels(self._source.name).inc(sent.accepted)
        if sent.reached:
            await self._handle_refusals(sent, session)
        return sent.reached

    async def _handle_refusals(self, sent: SendResult, session: Session) -> None:
        """Send missing facts, open the session again, or move the sequence ahead of the engine's."""
        if not sent.refusals:
            return
        for code, count in sent.refusals.items():
            refused_total.labels(self._source.name, code).inc(count)
        if "unknown_feed" in sent.refusals or "unknown_symbol" in sent.refusals:
            log.warning(
                "%s: the engine does not know the feed or a symbol; sending the facts again",
                self._source.name,
            )
            await self._until_reached(self._prepare)
            await self._until_reached(lambda: self._open(session))
            self._only_latest = True
        elif "market_closed" in sent.refusals and self._source.session(self._clock()) == session:
            await self._until_reached(lambda: self._open(session))
            self._only_latest = True
        elif "stale_source_sequence" in sent.refusals:
            self._source_sequence.leap(60 * 1_000_000_000)
        unexpected = set(sent.refusals) - {"crossed_quote", "stale_source_sequence", "market_closed"}
        if unexpected:
            log.warning(
                "%s: the engine refused commands", self._source.name, extra={"refusals": sent.refusals}
            )

    async def _open(self, session: Session) -> None:
        closes_ns = session.closes_ns
        await open_session(
            self._engine,
            self._session_number,
            lambda: None if closes_ns is None else max(closes_ns, self._clock() + 1_000_000_000),
        )
        log.info("%s: session open", self._source.name, extra={"closes_ns": closes_ns})

    def _report(self, session: Session | None, now_ns: int) -> None:
        """Report silence and dropped ticks."""
        silent = session is not None and now_ns - self._received_ns > SILENT_S * 1e9
        gauge = silent_now.labels(self._source.name)
        if silent and not gauge.value and self._received_ns:
            log.warning("%s: silent for %g s; the engine withdraws its quotes", self._source.name, SILENT_S)
        gauge.set(float(silent))
        for why, count in self._pending.dropped.items():
            if count != self._counted.get(why):
                dropped_total.labels(self._source.name, why).inc(count - self._counted.get(why, 0))
                self._counted[why] = count

    async def _until_reached(self, act: Prepare) -> None:
        """Call `act` until the engine can be reached."""
        while True:
            try:
                return await act()
            except ConnectionError:
                await asyncio.sleep(RETRY_S)
