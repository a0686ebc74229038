"""Trades the ratio of the first two symbols back to its mean. Sells short, so it needs --leverage 200.

The ratio is standardised over 60 minute bars. Above 2 deviations the first symbol is too dear: sell it, buy
the second. Below −2 the opposite. Inside half a deviation both positions are closed.
"""

import math

from cift_core import Bar, Feature

from cift.backtest import Strategy

ENTER, LEAVE = 2.0, 0.5
CASH_A_LEG = 20_000.0


class Pairs(Strategy):
    bar_s = 60.0

    def on_start(self) -> None:
        if len(self.symbols) < 2:
            raise ValueError("pairs needs two symbols: --symbols IBM,SPY")
        self.first, self.second = self.symbols[:2]
        self.score = Feature("standardise", 60)
        self.closes: dict[str, Bar] = {}

    def on_bar(self, bar: Bar) -> None:
        self.closes[bar.symbol] = bar
        one, other = self.closes.get(self.first), self.closes.get(self.second)
        if one is None or other is None or one.at != other.at:
            return
        score = self.score.update(math.log(one.close / other.close))
        held = self.positions[self.first]
        if held == 0.0 and abs(score) > ENTER:
            side = -1.0 if score > 0 else 1.0
            self.target(self.first, side * (CASH_A_LEG // one.close))
            self.target(self.second, -side * (CASH_A_LEG // other.close))
        elif held != 0.0 and abs(score) < LEAVE:
            self.target(self.first, 0.0)
            self.target(self.second, 0.0)
