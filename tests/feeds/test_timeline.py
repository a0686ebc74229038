"""The timeline of a recorded day: order, re-dating, bounded batches at any speed; and the settings."""

import pytest

from cift.feeds import recording, sample
from cift.feeds.monotonic import Monotonic
from cift.feeds.outside import Quote as QuoteTick
from cift.feeds.outside import Trade, command
from cift.feeds.pending_ticks import condense
from cift.feeds.quotes import Print, Quote
from cift.feeds.replay import ReplaySource
from cift.feeds.sample import SymbolDay
from cift.feeds.settings import MarketSettings, SettingInvalid
from cift.feeds.timeline import Redating, Timeline, tick_of

MS = 1_000_000


def small() -> Timeline:
    return Timeline.of_days(
        [
            SymbolDay(
                "A",
                False,
                [Quote(100, 10, 1, 11, 1), Quote(300, 11, 1, 12, 1)],
                [Print(100, 11, 5), Print(200, 11, 6)],
            ),
            SymbolDay("B", False, [Quote(150, 50, 1, 51, 1)], [Print(300, 50, 7)]),
        ]
    )


def test_ticks_are_ordered_by_time_and_prints_come_before_quotes() -> None:
    line = small()
    ticks = [(tick.symbol, type(tick).__name__, tick.at_ns // MS) for tick in line.between(0, len(line))]
    assert ticks == [
        ("A", "Trade", 100),
        ("A", "Quote", 100),
        ("B", "Quote", 150),
        ("A", "Trade", 200),
        ("B", "Trade", 300),
        ("A", "Quote", 300),
    ]


def test_quotes_at_a_position_are_each_symbols_latest() -> None:
    line = small()
    assert line.quotes_at(line.position(100)) == []
    assert [tick.at_ns // MS for tick in line.quotes_at(line.position(300))] == [100, 150]
    assert [tick.at_ns // MS for tick in line.quotes_at(len(line))] == [150, 300]


def test_redating_maps_both_ways_at_any_speed() -> None:
    for speed in (0.5, 1.0, 60.0):
        dates = Redating(1_000_000_000_000, sample.OPEN_MS, speed)
        assert dates.day_ms(dates.wall_ns(sample.OPEN_MS + 5_000)) == pytest.approx(sample.OPEN_MS + 5_000)
        assert dates.wall_ns(sample.CLOSE_MS) == 1_000_000_000_000 + int(23_400 * 1e9 / speed)


def test_a_batch_has_only_the_latest_quote_of_each_symbol() -> None:
    line = small()
    batch = condense(line.between(0, len(line)))
    quotes = [(tick.symbol, tick.at_ns // MS) for tick in batch if isinstance(tick, QuoteTick)]
    assert quotes == [("B", 150), ("A", 300)]


def test_a_large_batch_preserves_open_high_low_close_and_volume() -> None:
    prices = [100, 103, 101, 99, 98, 102, 100, 101] * 50
    batch = condense([Trade("A", at, price, at + 1) for at, price in enumerate(prices)])
    trades = [tick for tick in batch if isinstance(tick, Trade)]
    assert len(batch) == len(trades) == 4
    kept = [trade.price for trade in trades]
    assert kept[0] == 100 and kept[-1] == 101 and max(kept) == 103 and min(kept) == 98
    assert sum(trade.quantity for trade in trades) == sum(range(1, 401))


def test_no_batch_of_the_real_day_is_too_big_for_one_request() -> None:
    line = recording.read(sample.FOLDER)
    for speed in (1, 1_000):
        step_ms, start, biggest = 50 * speed, 0, 0
        for at_ms in range(sample.OPEN_MS, sample.CLOSE_MS + step_ms, step_ms):
            end = line.position(at_ms)
            biggest = max(biggest, len(condense(line.between(start, end))))
            start = end
        assert 0 < biggest <= 100
        assert start == len(line)


def test_ticks_become_commands_in_nanos() -> None:
    assert command(tick_of("A", Print(1, 16_742, 300)), 1, 9) == {
        "type": "outside_trade",
        "feed": 1,
        "source_sequence": 9,
        "symbol": "A",
        "price": 167_420_000_000,
        "quantity": 300_000_000_000,
    }
    quote = command(tick_of("A", Quote(1, 10, 2, 12, 3)), 1, 10)
    assert quote["bid"] == {"price": 100_000_000, "quantity": 2_000_000_000}
    assert quote["ask"] == {"price": 120_000_000, "quantity": 3_000_000_000}


def test_monotonic_numbers_grow_over_restarts_and_leap_after_a_clock_was_set_back() -> None:
    now = [1_000]
    first = Monotonic(lambda: now[0])
    numbers = [first.next() for _ in range(5)]
    assert numbers == [1_000, 1_001, 1_002, 1_003, 1_004]
    now[0] = 2_000
    assert Monotonic(lambda: now[0]).next() == 2_000
    now[0] = 500
    back = Monotonic(lambda: now[0])
    tries = 0
    while back.next() <= 1_004:
        back.leap(10)
        tries += 1
    assert tries < 10


def test_invalid_settings_are_refused_by_name() -> None:
    assert MarketSettings.read({}).speed == 1.0
    assert MarketSettings.read({"CIFT_REPLAY_FROM": "10:15"}).replay_from_ms == (10 * 60 + 15) * 60_000
    wrong = {
        "CIFT_MARKET": "casino",
        "CIFT_SPEED": "fast",
        "CIFT_REPLAY_FROM": "25:00",
        "CIFT_REPLAY_DAY": "2013-02-30",
        "CIFT_MARKET_HOURS": "sometimes",
        "CIFT_SYMBOLS": "SPY,$",
        "CIFT_ALPACA_URL": "wss://key:secret@example.org",
        "CIFT_SEED": "-1",
        "CIFT_AGENTS_RATE": "0",
    }
    for name, value in wrong.items():
        with pytest.raises(SettingInvalid, match=name):
            MarketSettings.read({name: value})


def test_a_missing_provider_key_is_named() -> None:
    for market, name in (("alpaca", "CIFT_ALPACA_KEY"), ("massive", "CIFT_MASSIVE_KEY")):
        with pytest.raises(SettingInvalid, match=name):
            MarketSettings.read({"CIFT_MARKET": market}).check()
    MarketSettings.read({}).check()


def test_the_repr_of_settings_contains_no_secrets() -> None:
    settings = MarketSettings.read({"CIFT_ALPACA_KEY": "PKABC", "CIFT_ALPACA_SECRET": "s3cr3t"})
    assert settings.alpaca.secret == "s3cr3t"
    assert "s3cr3t" not in repr(settings) and "PKABC" not in repr(settings)


def test_a_start_outside_the_recording_is_refused_with_its_hours() -> None:
    with pytest.raises(SettingInvalid, match="09:30 to 16:00"):
        ReplaySource(small(), MarketSettings.read({"CIFT_REPLAY_FROM": "16:00"}))
