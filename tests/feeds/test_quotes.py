"""Quotes from one-sided updates and from prints, and the same properties of the sample."""

import itertools
import random

import pytest

from cift.feeds import quotes, sample
from cift.feeds.quotes import Print, Quote, Update


def bid(at_ms: int, price: int, size: int = 100) -> Update:
    return Update(at_ms, price, size, 0, 0)


def ask(at_ms: int, price: int, size: int = 100) -> Update:
    return Update(at_ms, 0, 0, price, size)


def test_there_is_no_quote_before_both_sides_had_an_update() -> None:
    assert list(quotes.quotes_from_updates([bid(0, 100), bid(200, 101), bid(400, 102)])) == []


def test_a_quote_is_the_last_bid_and_the_last_ask_of_any_venue() -> None:
    # A later, worse bid replaces a better one: the recording has no withdrawals.
    rows = [bid(0, 105), ask(0, 110), bid(200, 101, 700), ask(400, 103, 300)]
    assert list(quotes.quotes_from_updates(rows)) == [
        Quote(0, 105, 100, 110, 100),
        Quote(200, 101, 700, 110, 100),
        Quote(400, 101, 700, 103, 300),
    ]


def test_a_state_counts_only_when_its_millisecond_is_complete() -> None:
    # Within the millisecond the new bid crosses the old ask; at its end nothing crosses.
    rows = [bid(0, 100), ask(0, 101), bid(500, 102), ask(500, 103)]
    assert list(quotes.quotes_from_updates(rows)) == [
        Quote(0, 100, 100, 101, 100),
        Quote(500, 102, 100, 103, 100),
    ]


@pytest.mark.parametrize("crossing", [101, 105])
def test_locked_and_crossed_states_are_dropped(crossing: int) -> None:
    rows = [bid(0, 100), ask(0, 101), bid(500, crossing), bid(900, 99)]
    assert [quote.bid for quote in quotes.quotes_from_updates(rows)] == [100, 99]


def test_price_changes_are_emitted_at_once_and_size_changes_once_per_window() -> None:
    rows = [bid(0, 100), ask(0, 110), bid(10, 101), bid(40, 101, 300), bid(70, 101, 500), bid(130, 101, 600)]
    assert list(quotes.quotes_from_updates(rows, window_ms=100)) == [
        Quote(0, 100, 100, 110, 100),
        Quote(10, 101, 100, 110, 100),
        Quote(70, 101, 500, 110, 100),
        Quote(130, 101, 600, 110, 100),
    ]


def test_a_new_price_replaces_a_size_that_was_not_emitted_yet() -> None:
    rows = [bid(0, 100), ask(0, 110), bid(20, 100, 900), bid(50, 101)]
    assert [quote[:3] for quote in quotes.quotes_from_updates(rows)] == [(0, 100, 100), (50, 101, 100)]


def test_an_unchanged_quote_is_not_emitted() -> None:
    rows = [bid(0, 100), ask(0, 101), bid(300, 100), ask(600, 101), bid(900, 100, 500)]
    assert [quote.at_ms for quote in quotes.quotes_from_updates(rows)] == [0, 900]


def test_an_unchanged_quote_after_prints_is_emitted_once_per_window() -> None:
    rows = [bid(0, 100), ask(0, 101)]
    prints = [Print(320, 101, 50), Print(340, 101, 50), Print(500, 101, 1)]
    assert list(quotes.quotes_from_updates(rows, prints)) == [
        Quote(0, 100, 100, 101, 100),
        Quote(340, 100, 100, 101, 100),
        Quote(500, 100, 100, 101, 100),
    ]


def test_prints_of_one_sweep_are_summed_in_order() -> None:
    rows = [Print(5, 100, 10), Print(5, 100, 20), Print(5, 101, 1), Print(5, 100, 2), Print(6, 100, 0)]
    assert list(quotes.merge_prints(rows)) == [Print(5, 100, 30), Print(5, 101, 1), Print(5, 100, 2)]


def test_late_averaged_and_official_prints_are_not_last_sales() -> None:
    assert quotes.is_last_sale(0x1) and quotes.is_last_sale(0x20) and quotes.is_last_sale(0x2000_0020)
    for condition in (0x4800, 0x2010_0200, 0x2000_0200, 0x400_0000, 0x2000_2020):
        assert not quotes.is_last_sale(condition)


def test_a_derived_quote_moves_only_as_far_as_a_print_requires() -> None:
    prices = [100, 100, 99, 98, 99, 101, 100]
    made = quotes.quotes_from_prints([Print(at * 1000, price, 100) for at, price in enumerate(prices)], 100)
    # Bought at 100: 99/100. Sold at 99: unchanged. Below the bid: 98/99. Above the ask: 100/101.
    pairs = [(quote.at_ms // 1000, quote.bid, quote.ask) for quote in made]
    moves = [pair for before, pair in zip([(0, 0, 0), *pairs], pairs, strict=False) if pair[1:] != before[1:]]
    assert moves == [(0, 99, 100), (3, 98, 99), (5, 100, 101)]


def test_a_derived_quote_is_one_tick_wide_with_bounded_round_lots() -> None:
    generator = random.Random(3)
    price, rows = 1_000, []
    for at in range(3_000):
        price += generator.choice((-1, 0, 0, 1))
        rows.append(Print(at * 40, price, generator.choice((1, 50, 100, 9_000))))
    made = list(quotes.quotes_from_prints(rows))
    assert len(made) > 100
    for quote in made:
        assert quote.ask == quote.bid + 1
        assert quote.bid_size == quote.ask_size
        assert quotes.SHOWN_MIN_SHARES <= quote.bid_size <= quotes.SHOWN_MAX_SHARES
        assert quote.bid_size % quotes.ROUND_LOT_SHARES == 0


def test_random_updates_give_uncrossed_quotes_in_order_of_time_without_repetition() -> None:
    for seed in range(30):
        generator = random.Random(seed)
        rows, prints, at_ms = [], [], 0
        for _ in range(2_000):
            at_ms += generator.choice((0, 0, 1, 7, 60))
            make = generator.choice((bid, ask))
            rows.append(make(at_ms, 100 + generator.randrange(-1, 2), generator.randrange(1, 9) * 100))
            if generator.random() < 0.1:
                prints.append(Print(at_ms, 100, 1))
        got = list(quotes.quotes_from_updates(rows, prints, window_ms=50))
        assert len(got) > 100, "such updates have uncrossed states"
        assert all(0 < quote.bid < quote.ask and quote.bid_size > 0 and quote.ask_size > 0 for quote in got)
        printed = {trade.at_ms for trade in prints}
        for before, after in itertools.pairwise(got):
            assert before.at_ms < after.at_ms
            if before[1:] == after[1:]:
                assert any(before.at_ms < at <= after.at_ms for at in printed)
            if (before.bid, before.ask) == (after.bid, after.ask):
                held = [quote for quote in got if quote.at_ms // 50 == after.at_ms // 50]
                assert held[-1] == after, "a size is emitted at the end of its window"


def test_the_sample_is_complete() -> None:
    days = sample.read()
    counts = {day.symbol: (day.derived, len(day.quotes), len(day.prints)) for day in days}
    assert counts == {
        "SPY": (True, 41_766, 116_380),
        "IBM": (False, 33_734, 20_275),
        "BAC": (False, 54_765, 56_066),
        "AIG": (False, 64_014, 16_314),
    }
    for day in days:
        assert all(0 < quote.bid < quote.ask for quote in day.quotes)
        assert all(quote.bid_size > 0 and quote.ask_size > 0 for quote in day.quotes)
        assert all(trade.price > 0 and trade.size > 0 for trade in day.prints)
        for rows in (day.quotes, day.prints):
            times = [row.at_ms for row in rows]
            assert times == sorted(times)
            assert times[0] >= sample.OPEN_MS and times[-1] < sample.CLOSE_MS


def test_a_written_sample_is_read_back(tmp_path) -> None:  # type: ignore[no-untyped-def]
    day = sample.SymbolDay("X", False, [Quote(34_200_001, 10, 1, 12, 2), Quote(34_200_900, 9, 3, 10, 4)], [])
    other = sample.SymbolDay(
        "Y", True, [Quote(34_200_002, 5, 1, 6, 2)], [Print(34_200_000, 6, 9), Print(34_200_004, 5, 1)]
    )
    sample.write(tmp_path, [day, other])
    assert sample.read(tmp_path) == [day, other]


def test_a_missing_sample_is_reported_in_one_sentence(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(sample.SampleMissing, match=r"quotes\.parquet.*build_sample\.py"):
        sample.read(tmp_path)
