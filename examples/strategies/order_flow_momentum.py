"""Buys when the order flow imbalance of the last 200 quotes is far above zero, sells when it turns.

Source of the signal: Cont, Kukanov and Stoikov (2014). They explain the price change of the same interval;
whether flow predicts the next one after costs is what this strategy tests.
"""

from cift_core import Feature, Quote

from cift.backtest import Strategy

WINDOW = 200
ENTER, LEAVE = 3.0, 0.0
CASH_A_SYMBOL = 20_000.0


class OrderFlowMomentum(Strategy):
    def on_start(self) -> None:
        self.flow = {symbol: Feature("ofi", WINDOW) for symbol in self.symbols}
        self.score = {symbol: Feature("standardise", 2_000) for symbol in self.symbols}

    def on_quote(self, quote: Quote) -> None:
        symbol = quote.symbol
        flow = self.flow[symbol].update(quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        if flow != flow:  # NaN: the window is not full
            return
        score = self.score[symbol].update(flow)
        held = self.positions[symbol]
        if self.open_orders:
            return
        if held == 0.0 and score > ENTER:
            self.target(symbol, CASH_A_SYMBOL // quote.ask)
        elif held > 0.0 and score < LEAVE:
            self.target(symbol, 0.0)
