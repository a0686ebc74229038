"""Strategies on recorded ticks: fills of the engine, determinism, the check, the command line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest
from cift_core import Bar, FastOrderBook, Fill, Quote, Trade

from cift import features as f
from cift.backtest import Settings, Strategy, Ticks, check_signals, check_strategy, read, run
from cift.backtest.statistics import of, verdict
from cift.backtest.tearsheet import html
from cift.backtest.vectorised import backtest, sweep
from tests.target import DEADLINE_S

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "strategies"
NANOS = 10**9
FREE = Settings(latency_ms=0.0, taker_ppm=0, sample_s=0.0)
MINUTE_NS = 60 * NANOS


def made(rows: list[tuple[int, str, float, float, float, float]]) -> Ticks:
    """Ticks of one symbol: (ns, "quote", bid, size, ask, size) or (ns, "trade", price, size, 0, 0)."""
    columns = np.array([[round(value * NANOS) for value in row[2:]] for row in rows], np.int64).T
    return Ticks(
        ["ABC"],
        [(NANOS // 100, NANOS)],
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] == "quote" for row in rows], np.int8),
        np.zeros(len(rows), np.int64),
        np.ascontiguousarray(columns),
    )


@pytest.fixture(scope="module")
def morning() -> Ticks:
    """The first half hour of the recorded day."""
    return read().between(0, (10 * 60) * MINUTE_NS)


class Recorder(Strategy):
    """Joins the bid at the first quote, and records every callback."""

    bar_s = 60.0
    timer_s = 60.0

    def on_start(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.sent = False

    def on_quote(self, quote: Quote) -> None:
        self.seen.append(("quote", quote.at))
        if not self.sent:
            self.sent = True
            self.buy(quote.symbol, 10, quote.bid)

    def on_trade(self, trade: Trade) -> None:
        self.seen.append(("trade", trade.at))

    def on_bar(self, bar: Bar) -> None:
        self.seen.append(("bar", bar.at))

    def on_fill(self, fill: Fill) -> None:
        self.seen.append(("fill", fill.at))

    def on_timer(self, at: int) -> None:
        self.seen.append(("timer", at))


def test_callbacks_come_in_order_with_bars_timers_and_fills() -> None:
    ticks = made(
        [
            (1, "quote", 10.0, 50, 10.01, 50),
            (2, "trade", 10.0, 45, 0, 0),
            (3, "trade", 10.0, 9, 0, 0),
            (MINUTE_NS + 5, "quote", 10.0, 50, 10.01, 50),
        ]
    )
    strategy = Recorder()
    result = run(strategy, ticks, FREE)
    assert strategy.seen == [
        ("quote", 1),
        ("trade", 2),
        ("fill", 3),
        ("trade", 3),
        ("bar", 0),
        ("timer", MINUTE_NS),
        ("quote", MINUTE_NS + 5),
    ]
    # 50 were before the order: 45 + 9 prints leave 4 for it.
    assert result.fills.select("quantity", "leaves", "position", "is_maker").row(0) == (4.0, 6.0, 4.0, True)
    assert strategy.open_orders == {1} and strategy.positions == {"ABC": 4.0}


class Joiner(Strategy):
    """Joins the bid once, in the middle of a made-up day."""

    def on_start(self) -> None:
        self.quotes = 0

    def on_quote(self, quote: Quote) -> None:
        self.quotes += 1
        if self.quotes == 3:
            self.buy("ABC", 40, 10.0)


def test_the_queue_position_equals_an_independent_model() -> None:
    """One price: the quantity before the order falls by prints, and by a smaller quote only from its end."""
    rng = np.random.default_rng(7)
    for _ in range(30):
        rows: list[tuple[int, str, float, float, float, float]] = []
        shown, quotes, before, own, filled = 0.0, 0, 0.0, 0.0, 0.0
        behind = 0.0
        for at in range(60):
            if at < 3 or rng.random() < 0.5:
                size = float(rng.integers(1, 100))
                rows.append((at, "quote", 10.0, size, 10.01, 50))
                change, shown = size - shown, size
                if quotes < 3:
                    before = size
                elif change > 0:
                    behind += change
                else:  # the newest quantity leaves first: that behind the order, then that before it
                    gone = min(behind, -change)
                    behind -= gone
                    before -= -change - gone
                quotes += 1
                if quotes == 3:
                    own = 40.0
            else:
                size = float(rng.integers(1, 60))
                rows.append((at, "trade", 10.0, size, 0, 0))
                left = size
                taken = min(before, left)
                before, left = before - taken, left - taken
                mine = min(own, left)
                own, filled, left = own - mine, filled + mine, left - mine
                last = min(behind, left)
                behind -= last
                shown -= taken + last
        result = run(Joiner(), made(rows), FREE)
        assert result.fills["quantity"].sum() == filled


def test_fills_equal_those_of_the_order_book_alone() -> None:
    """A market order through a quote, against the book of cift_core with the same resting quantity."""

    class Taker(Strategy):
        def on_quote(self, quote: Quote) -> None:
            self.buy("ABC", 30)

    ticks = made([(1, "quote", 10.0, 50, 10.01, 20), (2, "quote", 10.0, 50, 10.02, 50)])
    fills = run(Taker(), ticks, FREE).fills
    book = FastOrderBook("ABC", tick=0.01, lot=1.0)
    book.add_limit(1, "sell", 10.01, 20)
    expected = book.add_market(2, "buy", 30)
    assert fills.select("price", "quantity").rows()[:1] == [(price, size) for _, price, size in expected]


class Noise(Strategy):
    """Buys one share with each twentieth quote."""

    def on_start(self) -> None:
        self.count = 0

    def on_quote(self, quote: Quote) -> None:
        self.count += 1
        if self.count % 20 == 0 and len(self.open_orders) < 50:
            self.buy(quote.symbol, 1, quote.bid)


def test_a_run_is_determined_by_its_seed(morning: Ticks) -> None:
    one, again, other = (
        run(Noise(), morning, Settings(jitter_ms=500.0, seed=seed)).fills for seed in (1, 1, 2)
    )
    assert one.height > 20 and one.equals(again) and not one.equals(other)


def test_money_adds_up(morning: Ticks) -> None:
    result = run(Noise(), morning, Settings(maker_ppm=200))
    paid = (result.fills["price"] * result.fills["quantity"]).sum() + result.fills["fee"].sum()
    assert result.equity["cash"][-1] == pytest.approx(100_000 - paid, abs=1e-6)
    figures = of(result)
    assert figures.fees > 0 and figures.maker_share > 0.9
    assert figures.profit == pytest.approx(result.equity["equity"][-1] - 100_000)
    sheet = html(result, "noise <1>")
    assert "noise &lt;1&gt;" in sheet and "<script" not in sheet and verdict(figures) in sheet


def test_wrong_orders_and_settings_are_errors() -> None:
    class Wrong(Strategy):
        def on_quote(self, quote: Quote) -> None:
            self.buy("XYZ", 1)

    ticks = made([(1, "quote", 10.0, 50, 10.01, 50)])
    with pytest.raises(ValueError, match='the backtest has no symbol "XYZ"; it has ABC'):
        run(Wrong(), ticks, FREE)
    with pytest.raises(ValueError, match="latency_ns must be between 0 and one day"):
        run(Strategy(), ticks, Settings(latency_ms=-1))


def test_the_check_finds_state_that_outlives_a_run(morning: Ticks) -> None:
    class Forgetful(Noise):
        runs: ClassVar[list[int]] = []

        def on_start(self) -> None:
            super().on_start()
            self.runs.append(1)
            self.count = len(self.runs)

    honest = check_strategy(Noise, morning, Settings())
    assert [finding.ok for finding in honest] == [True] * 4
    assert not check_strategy(Forgetful, morning, Settings())[0].ok


def test_the_check_finds_signals_that_look_ahead() -> None:
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"close": 100 + rng.normal(0, 1, 400).cumsum()})
    causal = check_signals(lambda x: x.select(f.rsi("close", 14)).to_series(), frame)
    ahead = check_signals(lambda x: x["close"] / x["close"].mean(), frame)
    assert all(finding.ok for finding in causal)
    assert not any(finding.ok for finding in ahead) and "it looks ahead" in ahead[0].text


def test_vectorised_runs_match_a_manual_calculation() -> None:
    close = np.array([100.0, 110.0, 99.0, 99.0])
    outcome = backtest(close, np.array([1.0, 0.5, 0.0, 1.0]), cost=0.01)
    second = (1 + 0.1 - 0.01) * (1 + 0.5 * -0.1 - 0.005)
    assert outcome.equity == pytest.approx([1.0, 1.09, second, second * (1 - 0.005)])
    assert outcome.turnover == 2.0 and outcome.max_drawdown == pytest.approx(outcome.equity[-1] / 1.09 - 1)
    with pytest.raises(ValueError, match="must have one shape"):
        backtest(close, np.ones(3))


def test_several_symbols_and_runs_agree_with_single_ones() -> None:
    rng = np.random.default_rng(3)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 5_000)))
    weight = rng.random(5_000)
    single = backtest(close, weight)
    one_column = backtest(close[:, None], weight[:, None])
    np.testing.assert_allclose(single.equity, one_column.equity, rtol=1e-10)
    assert single.max_drawdown == pytest.approx(one_column.max_drawdown)
    twice = sweep(close, np.array([weight, weight / 2]))
    assert twice[0].equity[-1] == single.equity[-1] and twice[1].turnover < twice[0].turnover


def test_a_vectorised_run_agrees_with_the_engine_where_the_assumptions_do() -> None:
    """No spread, no latency, no fee, one share: both hold the share from the second to the last quote."""

    class Hold(Strategy):
        def on_quote(self, quote: Quote) -> None:
            if quote.at == 2:
                self.buy("ABC", 1, quote.ask)

    prices = [10.0, 10.5, 10.3, 11.0, 10.8]
    rows = [(at, "quote", price - 0.01, 50.0, price, 50.0) for at, price in enumerate(prices, start=1)]
    rows.append((6, "trade", prices[-1], 1.0, 0.0, 0.0))  # the engine's mark is the last print
    result = run(Hold(), made(rows), Settings(cash=10.5, latency_ms=0, taker_ppm=0, sample_s=0))
    outcome = backtest(np.array(prices), np.array([0.0, 1.0, 1.0, 1.0, 1.0]), cost=0.0)
    assert result.equity["equity"][-1] / 10.5 == pytest.approx(outcome.equity[-1], rel=1e-12)


def test_the_command_runs_and_checks_an_example(tmp_path: Path) -> None:
    common = ["--symbols", "IBM,AIG", "--from", "09:30", "--to", "09:50", "--leverage", "200", "--json"]
    strategy = str(EXAMPLES / "market_maker.py")
    sheet = tmp_path / "sheet.html"
    ran = _cift("run", strategy, *common, "--out", str(sheet))
    assert ran["fills"] > 10 and ran["maker_share"] == 1.0 and sheet.read_text().startswith("<!doctype html>")
    assert all(finding["ok"] for finding in _cift("check", strategy, *common))


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.py")), ids=lambda file: file.stem)
def test_every_example_runs_and_trades(file: Path) -> None:
    from cift.cli.backtest import strategy_of

    ticks = read(symbols=["IBM", "AIG"]).between(0, 12 * 60 * MINUTE_NS)
    result = run(strategy_of(file)(), ticks, Settings(leverage_percent=200))
    assert result.fills.height > 0


def _cift(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "cift.cli", "backtest", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
