"""Holds a symbol while the short average of its minute bars is above the long one."""

from cift_core import Bar, Feature

from cift.backtest import Strategy

SHORT, LONG = 10, 30
CASH_A_SYMBOL = 20_000.0


class MovingAverageCross(Strategy):
    bar_s = 60.0

    def on_start(self) -> None:
        self.averages = {symbol: (Feature("sma", SHORT), Feature("sma", LONG)) for symbol in self.symbols}

    def on_bar(self, bar: Bar) -> None:
        short, long = (average.update(bar.close) for average in self.averages[bar.symbol])
        held = self.positions[bar.symbol]
        if held == 0.0 and short > long:
            self.target(bar.symbol, CASH_A_SYMBOL // bar.close)
        elif held > 0.0 and short < long:
            self.target(bar.symbol, 0.0)
