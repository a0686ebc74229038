"""A backtest on a recorded day.

It needs the exchange's own package (`make run` installs it), because it runs on the matching engine, in
this process. `cift backtest run` does the same from the command line and writes a page with charts.
"""

from cift_core import Bar

from cift.backtest import Strategy, read, run

DIP = 0.9995


class BuyDips(Strategy):
    """Buys after a minute that lost 0.05 %, and sells after one that gained."""

    bar_s = 60.0

    def on_bar(self, bar: Bar) -> None:
        held = self.positions[bar.symbol]
        if bar.close < bar.open * DIP and not held:
            self.buy(bar.symbol, 10)
        elif bar.close > bar.open and held:
            self.sell(bar.symbol, held)


hour_ns = 3_600 * 10**9
ticks = read(symbols=["IBM"]).between(10 * hour_ns, 12 * hour_ns)
result = run(BuyDips(), ticks)
print(f"{result.ticks} ticks, {result.orders} orders, {result.fills.height} fills")
print(f"equity {result.equity['equity'][-1]:.2f}")
