"""The base class of strategies."""

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from cift_core import Bar, Fill, Quote, Trade

Side = Literal["buy", "sell"]


class Requests(Protocol):
    """Where a strategy sends its orders."""

    def place(
        self,
        symbol: str,
        side: Side,
        quantity: float,
        limit: float | None = None,
        time_in_force: str = "day",
        post_only: bool = False,
    ) -> int: ...

    def cancel(self, order: int) -> None: ...


class Strategy:
    """A strategy: override the callbacks it needs. It decides only from what it is given, never from a clock.

    Times are ns since the epoch, prices are in currency units, quantities in units of the instrument. A
    request takes the latency of the run, so the answer of `buy` is an id, not a fill.
    """

    bar_s: float = 0.0
    """Length of the bars of `on_bar` in seconds. 0: no bars."""
    timer_s: float = 0.0
    """Time between two calls of `on_timer` in seconds. 0: none."""

    symbols: list[str]
    positions: dict[str, float]
    open_orders: set[int]
    requests: Requests

    def on_start(self) -> None:
        """Before the first tick. `self.symbols` are those of the run."""

    def on_quote(self, quote: "Quote") -> None:
        """The best prices of the outside market changed."""

    def on_trade(self, trade: "Trade") -> None:
        """A print of the outside market."""

    def on_bar(self, bar: "Bar") -> None:
        """A bar is complete."""

    def on_fill(self, fill: "Fill") -> None:
        """An order of the strategy was filled, completely or in part. `positions` includes the fill."""

    def on_ended(self, order: int, reason: str) -> None:
        """An order was refused, cancelled or expired."""

    def on_timer(self, at: int) -> None:
        """`timer_s` seconds have passed."""

    def buy(
        self,
        symbol: str,
        quantity: float,
        limit: float | None = None,
        *,
        time_in_force: str = "day",
        post_only: bool = False,
    ) -> int:
        """Send a buy order; without a limit a market order. Returns its id."""
        return self._place(symbol, "buy", quantity, limit, time_in_force, post_only)

    def sell(
        self,
        symbol: str,
        quantity: float,
        limit: float | None = None,
        *,
        time_in_force: str = "day",
        post_only: bool = False,
    ) -> int:
        """Send a sell order; without a limit a market order. Returns its id."""
        return self._place(symbol, "sell", quantity, limit, time_in_force, post_only)

    def target(self, symbol: str, quantity: float) -> int | None:
        """Send the market order that makes the position `quantity`. None: it is that already."""
        change = quantity - self.positions[symbol]
        if change == 0.0:
            return None
        return self.buy(symbol, change) if change > 0 else self.sell(symbol, -change)

    def cancel(self, order: int) -> None:
        """Cancel an order. One that has ended is left alone."""
        self.requests.cancel(order)

    def _place(
        self,
        symbol: str,
        side: Side,
        quantity: float,
        limit: float | None,
        time_in_force: str,
        post_only: bool,
    ) -> int:
        order = self.requests.place(symbol, side, quantity, limit, time_in_force, post_only)
        self.open_orders.add(order)
        return order
