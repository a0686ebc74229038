"""Buys when the RSI of minute bars is below 30, and sells when it is above 55."""

from cift_core import Bar, Feature

from cift.backtest import Strategy

BUY_BELOW, SELL_ABOVE = 30.0, 55.0
CASH_A_SYMBOL = 20_000.0


class RsiReversal(Strategy):
    bar_s = 60.0

    def on_start(self) -> None:
        self.rsi = {symbol: Feature("rsi", 14) for symbol in self.symbols}

    def on_bar(self, bar: Bar) -> None:
        rsi = self.rsi[bar.symbol].update(bar.close)
        held = self.positions[bar.symbol]
        if held == 0.0 and rsi < BUY_BELOW:
            self.target(bar.symbol, CASH_A_SYMBOL // bar.close)
        elif held > 0.0 and rsi > SELL_ABOVE:
            self.target(bar.symbol, 0.0)
