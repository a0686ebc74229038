"""Buys a tenth of the cash of each symbol with the first bar, and holds it."""

from cift_core import Bar

from cift.backtest import Strategy

CASH_A_SYMBOL = 10_000.0


class BuyAndHold(Strategy):
    bar_s = 60.0

    def on_start(self) -> None:
        self.bought: set[str] = set()

    def on_bar(self, bar: Bar) -> None:
        if bar.symbol not in self.bought:
            self.bought.add(bar.symbol)
            self.buy(bar.symbol, CASH_A_SYMBOL // bar.close)
