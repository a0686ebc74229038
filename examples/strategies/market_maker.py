"""Quotes both sides around a reservation price that moves against the position.

Source: Avellaneda and Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8 (2008).
r = mid − q·γ·σ²·τ; half spread = γ·σ²·τ/2 + ln(1 + γ/κ)/γ, with prices in ticks of 0.01. σ² is the variance
of the mid's changes a second, τ the seconds that a quote should last. Sells short: --leverage 200.
"""

import math

from cift_core import Quote

from cift.backtest import Strategy

GAMMA, KAPPA, TAU_S = 0.02, 1.5, 30.0
SIZE, POSITION_MAX = 100.0, 1_000.0
TICK = 0.01
MEMORY = 0.99


class MarketMaker(Strategy):
    timer_s = 1.0

    def on_start(self) -> None:
        self.quotes: dict[str, Quote] = {}
        self.mids: dict[str, float] = {}
        self.variance = dict.fromkeys(self.symbols, 1.0)
        self.mine: dict[str, dict[str, tuple[int, float]]] = {symbol: {} for symbol in self.symbols}

    def on_quote(self, quote: Quote) -> None:
        self.quotes[quote.symbol] = quote

    def on_timer(self, at: int) -> None:
        for symbol, quote in self.quotes.items():
            if quote.bid_size == 0.0 or quote.ask_size == 0.0:
                continue
            mid = (quote.bid + quote.ask) / 2
            change = (mid - self.mids.get(symbol, mid)) / TICK
            self.mids[symbol] = mid
            self.variance[symbol] += (1 - MEMORY) * (change * change - self.variance[symbol])
            self._quote(symbol, quote, mid)

    def _quote(self, symbol: str, quote: Quote, mid: float) -> None:
        held = self.positions[symbol] / SIZE
        risk = GAMMA * self.variance[symbol] * TAU_S
        centre = mid - held * risk * TICK
        half = (risk / 2 + math.log(1 + GAMMA / KAPPA) / GAMMA) * TICK
        # Never through the market: the orders are to rest.
        bid = min(math.floor((centre - half) / TICK + 1e-9) * TICK, quote.bid)
        ask = max(math.ceil((centre + half) / TICK - 1e-9) * TICK, quote.ask)
        self._keep(symbol, "buy", round(bid, 2), self.positions[symbol] < POSITION_MAX)
        self._keep(symbol, "sell", round(ask, 2), self.positions[symbol] > -POSITION_MAX)

    def _keep(self, symbol: str, side: str, price: float, wanted: bool) -> None:
        """One resting order a side; it keeps its place in the queue while its price stays."""
        order, at = self.mine[symbol].get(side, (0, 0.0))
        if order in self.open_orders:
            if wanted and at == price:
                return
            self.cancel(order)
        if wanted:
            send = self.buy if side == "buy" else self.sell
            self.mine[symbol][side] = (send(symbol, SIZE, price, post_only=True), price)
