"""The feed driver with a replay when the engine is unreachable, has a new journal, or knows a later
sequence. The engine is a small model of these refusals; test_market.py uses the real one."""

import asyncio
import time
from typing import Any

import pytest

from cift.feeds import feed_driver, replay
from cift.feeds.feed_driver import FeedDriver
from cift.feeds.quotes import Print, Quote
from cift.feeds.replay import ReplaySource
from cift.feeds.sample import OPEN_MS, SymbolDay
from cift.feeds.settings import MarketSettings
from cift.feeds.timeline import Timeline
from cift.kernel.errors import OutcomeUnknown, Unavailable
from tests.feeds.engine_model import Engine, of
from tests.target import DEADLINE_S


def recorded() -> Timeline:
    """A quote every 100 ms and a print every 50, for two symbols and five minutes."""
    days = []
    for symbol, price in (("A", 1_000), ("B", 2_000)):
        quotes = [
            Quote(OPEN_MS + at, price + at // 1_000, 1, price + at // 1_000 + 1, 1)
            for at in range(0, 300_000, 100)
        ]
        prints = [Print(OPEN_MS + at, price + at // 1_000, 1) for at in range(0, 300_000, 50)]
        days.append(SymbolDay(symbol, False, quotes, prints))
    return Timeline.of_days(days)


RECORDED = recorded()


class RunningReplay:
    """A running driver, stopped at the end of the block."""

    def __init__(
        self, engine: Engine, speed: float | None = 10.0, loops: int = 0, clock: Any = time.time_ns
    ) -> None:
        self.engine = engine
        self.prepared = 0
        settings = MarketSettings(speed=speed, replay_loops=loops)
        self.source = ReplaySource(RECORDED, settings, clock)
        self.driver = FeedDriver(engine, self.source, self._prepare, clock=clock)

    async def _prepare(self) -> None:
        if self.engine.away is not None:
            raise ConnectionError
        self.prepared += 1
        self.engine.feed_known = True

    async def __aenter__(self) -> "RunningReplay":
        self._task = asyncio.create_task(self.driver.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self._task

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                assert not self._task.done(), self._task.exception()
                await asyncio.sleep(0.01)


async def test_a_loop_opens_a_session_that_closes_with_the_recording() -> None:
    engine = Engine()
    before = time.time_ns()
    async with RunningReplay(engine, speed=100.0) as running:
        await running.until(lambda: len(engine.accepted) > 100)
    first = engine.accepted[0]
    assert first["type"] == "set_session"
    close_s = 23_400 / 100
    assert close_s < (first["closes_at"] - before) / 1e9 < close_s + 10 + (time.time_ns() - before) / 1e9
    sequences = [command["source_sequence"] for command in engine.accepted[1:]]
    assert sequences == sorted(set(sequences))
    assert len(of(engine.accepted, "set_session")) == 1


@pytest.mark.parametrize("failure", [Unavailable, OutcomeUnknown])
async def test_missed_ticks_are_not_sent_late(
    failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_driver, "RETRY_S", 0.05)
    engine = Engine()
    async with RunningReplay(engine) as running:
        await running.until(lambda: len(engine.accepted) > 20)
        engine.away = failure
        refused = engine.refused
        await running.until(lambda: engine.refused >= refused + 5)
        engine.accepted.clear()
        engine.away = None
        await running.until(lambda: len(engine.accepted) > 40)
    first = engine.accepted[:2]
    assert [command["type"] for command in first] == ["outside_quote"] * 2, "the latest quotes come first"
    assert {command["symbol"] for command in first} == {"A", "B"}
    missed_prints = [command for command in of(engine.accepted, "outside_trade") if command["symbol"] == "A"]
    resumed_at = first[0]["bid"]["price"] if first[0]["symbol"] == "A" else first[1]["bid"]["price"]
    assert all(command["price"] >= resumed_at for command in missed_prints), (
        "prices increase with time in this recording"
    )


async def test_a_new_journal_gets_the_facts_and_a_session() -> None:
    engine = Engine()
    async with RunningReplay(engine) as running:
        await running.until(lambda: len(engine.accepted) > 20)
        engine.feed_known, engine.open, engine.session, engine.last_sequence = False, False, 0, 0
        engine.accepted.clear()
        await running.until(lambda: len(of(engine.accepted, "outside_quote")) > 4)
    assert running.prepared == 2
    assert engine.accepted[0]["type"] == "set_session"


async def test_a_closed_session_is_opened_again_with_a_higher_number() -> None:
    engine = Engine()
    engine.session = int(time.time()) + 1_000  # a number ahead of our clock was used
    async with RunningReplay(engine) as running:
        await running.until(lambda: len(engine.accepted) > 20)
        opened = engine.session
        engine.open = False
        engine.accepted.clear()
        await running.until(lambda: len(of(engine.accepted, "outside_trade")) > 4)
    assert engine.session > opened > time.time()


async def test_sequences_leap_over_those_of_a_clock_ahead_of_ours() -> None:
    engine = Engine()
    engine.last_sequence = time.time_ns() + 3_600 * 10**9
    async with RunningReplay(engine) as running:
        await running.until(lambda: len(of(engine.accepted, "outside_quote")) > 4)
    assert engine.last_sequence > time.time_ns() + 3_600 * 10**9


async def test_after_the_close_the_next_loop_opens_its_own_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "CLOSE_MARGIN_S", 0.2)
    engine = Engine()
    async with RunningReplay(engine, speed=23_400 * 2.0) as running:  # a day in half a second
        await running.until(
            lambda: running.source.loops >= 2 and len(of(engine.accepted, "set_session")) >= 3
        )
    sessions = [command["session"] for command in of(engine.accepted, "set_session")]
    assert sessions == sorted(set(sessions))


async def test_ticks_during_a_stall_of_this_process_are_skipped() -> None:
    engine = Engine()
    now = [time.time_ns()]
    async with RunningReplay(engine, speed=1.0, clock=lambda: now[0]) as running:
        for _ in range(400):
            now[0] += 50_000_000
            await asyncio.sleep(0.06)
            if len(of(engine.accepted, "outside_trade")) > 10:
                break
        await running.until(lambda: len(of(engine.accepted, "outside_trade")) > 10)
        engine.accepted.clear()
        now[0] += 60 * 10**9
        await running.until(lambda: len(of(engine.accepted, "outside_quote")) >= 2)
        await asyncio.sleep(0.3)
    assert {command["type"] for command in engine.accepted} == {"outside_quote"}
    assert len(engine.accepted) <= 6, "sixty seconds of ticks are not sent late"
    assert of(engine.accepted, "outside_quote")[-1]["bid"]["price"] >= 10_600_000_000, (
        "the replay continues from now"
    )


async def test_at_full_speed_the_whole_recording_is_sent_and_the_driver_ends() -> None:
    engine = Engine()
    async with asyncio.timeout(DEADLINE_S):
        running = RunningReplay(engine, speed=None, loops=1)
        await running.driver.run()
    assert running.source.loops == 1
    assert engine.accepted[0]["type"] == "set_session" and engine.accepted[0]["closes_at"] is None
    shares = sum(command["quantity"] for command in of(engine.accepted, "outside_trade")) // 10**9
    assert shares == 2 * 300_000 // 50, "conflated, but no volume is lost"
    assert of(engine.accepted, "outside_quote")[-1]["symbol"] in ("A", "B")
    assert (
        max(command["bid"]["price"] for command in of(engine.accepted, "outside_quote")) == 2_299 * 10_000_000
    )
