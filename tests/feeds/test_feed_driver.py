"""What a feed's driver does with a replay when the engine is away, has forgotten, or has heard a later
number. The engine here is a small model of those refusals alone; the real one is in
test_living_market.py."""

import asyncio
import time
from typing import Any

import pytest

from cift.feeds import feed_driver, replay
from cift.feeds.feed_driver import FeedDriver
from cift.feeds.quotes import Print, Quote
from cift.feeds.replay import ReplaySource
from cift.feeds.sample import OPEN_MS, Tape
from cift.feeds.settings import MarketSettings
from cift.feeds.timeline import Timeline
from cift.kernel.errors import OutcomeUnknown, Unavailable
from tests.feeds.engine_model import Engine, of
from tests.target import DEADLINE_S


def tape() -> Timeline:
    """A quote every 100 ms and a print every 50, for two symbols and five minutes."""
    tapes = []
    for symbol, price in (("A", 1_000), ("B", 2_000)):
        quotes = [
            Quote(OPEN_MS + at, price + at // 1_000, 1, price + at // 1_000 + 1, 1)
            for at in range(0, 300_000, 100)
        ]
        prints = [Print(OPEN_MS + at, price + at // 1_000, 1) for at in range(0, 300_000, 50)]
        tapes.append(Tape(symbol, False, quotes, prints))
    return Timeline.of_tapes(tapes)


TAPE = tape()


class Playing:
    """A driver at work, stopped at the end."""

    def __init__(
        self, engine: Engine, speed: float | None = 10.0, loops: int = 0, clock: Any = time.time_ns
    ) -> None:
        self.engine = engine
        self.prepared = 0
        settings = MarketSettings(speed=speed, replay_loops=loops)
        self.source = ReplaySource(TAPE, settings, clock)
        self.driver = FeedDriver(engine, self.source, self._prepare, clock=clock)

    async def _prepare(self) -> None:
        if self.engine.away is not None:
            raise ConnectionError
        self.prepared += 1
        self.engine.feed_known = True

    async def __aenter__(self) -> "Playing":
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


async def test_a_loop_opens_a_session_that_closes_when_the_tape_does() -> None:
    engine = Engine()
    before = time.time_ns()
    async with Playing(engine, speed=100.0) as playing:
        await playing.until(lambda: len(engine.told) > 100)
    first = engine.told[0]
    assert first["type"] == "set_session"
    close_s = 23_400 / 100
    assert close_s < (first["closes_at"] - before) / 1e9 < close_s + 10 + (time.time_ns() - before) / 1e9
    sequences = [command["source_sequence"] for command in engine.told[1:]]
    assert sequences == sorted(set(sequences))
    assert len(of(engine.told, "set_session")) == 1


@pytest.mark.parametrize("failure", [Unavailable, OutcomeUnknown])
async def test_what_was_missed_is_not_sent_late(
    failure: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_driver, "RETRY_S", 0.05)
    engine = Engine()
    async with Playing(engine) as playing:
        await playing.until(lambda: len(engine.told) > 20)
        engine.away = failure
        refused = engine.refused
        await playing.until(lambda: engine.refused >= refused + 5)
        engine.told.clear()
        engine.away = None
        await playing.until(lambda: len(engine.told) > 40)
    first = engine.told[:2]
    assert [command["type"] for command in first] == ["outside_quote"] * 2, "the present state comes first"
    assert {command["symbol"] for command in first} == {"A", "B"}
    missed_prints = [command for command in of(engine.told, "outside_trade") if command["symbol"] == "A"]
    resumed_at = first[0]["bid"]["price"] if first[0]["symbol"] == "A" else first[1]["bid"]["price"]
    assert all(command["price"] >= resumed_at for command in missed_prints), (
        "prices rise with time on this tape"
    )


async def test_a_new_journal_is_told_the_facts_and_gets_a_session() -> None:
    engine = Engine()
    async with Playing(engine) as playing:
        await playing.until(lambda: len(engine.told) > 20)
        engine.feed_known, engine.open, engine.session, engine.last_sequence = False, False, 0, 0
        engine.told.clear()
        await playing.until(lambda: len(of(engine.told, "outside_quote")) > 4)
    assert playing.prepared == 2
    assert engine.told[0]["type"] == "set_session"


async def test_a_session_that_somebody_closed_is_opened_again_with_a_higher_number() -> None:
    engine = Engine()
    engine.session = int(time.time()) + 1_000  # somebody used numbers ahead of our clock
    async with Playing(engine) as playing:
        await playing.until(lambda: len(engine.told) > 20)
        opened = engine.session
        engine.open = False
        engine.told.clear()
        await playing.until(lambda: len(of(engine.told, "outside_trade")) > 4)
    assert engine.session > opened > time.time()


async def test_numbers_leap_over_what_a_clock_ahead_of_ours_has_said() -> None:
    engine = Engine()
    engine.last_sequence = time.time_ns() + 3_600 * 10**9
    async with Playing(engine) as playing:
        await playing.until(lambda: len(of(engine.told, "outside_quote")) > 4)
    assert engine.last_sequence > time.time_ns() + 3_600 * 10**9


async def test_after_the_close_the_next_loop_begins_with_a_session_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replay, "CLOSE_MARGIN_S", 0.2)
    engine = Engine()
    async with Playing(engine, speed=23_400 * 2.0) as playing:  # a day in half a second
        await playing.until(lambda: playing.source.loops >= 2 and len(of(engine.told, "set_session")) >= 3)
    sessions = [command["session"] for command in of(engine.told, "set_session")]
    assert sessions == sorted(set(sessions))


async def test_a_stall_of_this_process_is_skipped_not_replayed() -> None:
    engine = Engine()
    now = [time.time_ns()]
    async with Playing(engine, speed=1.0, clock=lambda: now[0]) as playing:
        for _ in range(400):
            now[0] += 50_000_000
            await asyncio.sleep(0.06)
            if len(of(engine.told, "outside_trade")) > 10:
                break
        await playing.until(lambda: len(of(engine.told, "outside_trade")) > 10)
        engine.told.clear()
        now[0] += 60 * 10**9
        await playing.until(lambda: len(of(engine.told, "outside_quote")) >= 2)
        await asyncio.sleep(0.3)
    assert {command["type"] for command in engine.told} == {"outside_quote"}
    assert len(engine.told) <= 6, "sixty seconds of tape are not sent late"
    assert of(engine.told, "outside_quote")[-1]["bid"]["price"] >= 10_600_000_000, "the tape goes on from now"


async def test_as_fast_as_possible_tells_the_whole_tape_and_ends() -> None:
    engine = Engine()
    async with asyncio.timeout(DEADLINE_S):
        playing = Playing(engine, speed=None, loops=1)
        await playing.driver.run()
    assert playing.source.loops == 1
    assert engine.told[0]["type"] == "set_session" and engine.told[0]["closes_at"] is None
    shares = sum(command["quantity"] for command in of(engine.told, "outside_trade")) // 10**9
    assert shares == 2 * 300_000 // 50, "conflated, but no volume is lost"
    assert of(engine.told, "outside_quote")[-1]["symbol"] in ("A", "B")
    assert max(command["bid"]["price"] for command in of(engine.told, "outside_quote")) == 2_299 * 10_000_000
