"""One-minute bars from trades. Pure.

The bars are those of `GET bars/{symbol}` with its defaults: of trades on this exchange only; an interval
without a trade has no bar. A bar is published when its minute is over. A late trade publishes the bar
again, as `revised`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cift.kernel.clock import rfc3339
from cift.kernel.money import format_nanos
from cift.streams.rules import Id, id_text
from cift.streams.views import Published

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

MINUTE_NS = 60 * 10**9


@dataclass(slots=True)
class _Bar:
    start: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    turnover: int
    trades: int
    id: Id


class BarMaker:
    """Bars of one symbol."""

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        self._open: _Bar | None = None
        self._closed: _Bar | None = None

    def take(self, trade: messages.TradeMessage) -> list[Published]:
        """Add the next trade; returns the bars that it ends or revises."""
        if trade["trade"] == 0:  # a print of the outside market
            return []
        start = trade["timestamp"] // MINUTE_NS * MINUTE_NS
        published: list[Published] = []
        if self._open is not None and start > self._open.start:
            published += self.close(start)
        if self._closed is not None and start == self._closed.start:
            _add(self._closed, trade)
            published.append(self._view(self._closed, revised=True))
        elif self._open is None:
            price = trade["price"]
            self._open = _Bar(start, price, price, price, price, 0, 0, 0, (0, 0))
            _add(self._open, trade)
        elif start == self._open.start:
            _add(self._open, trade)
        return published

    def close(self, now_ns: int) -> list[Published]:
        """The open bar, if its minute is over at `now_ns`."""
        bar = self._open
        if bar is None or now_ns < bar.start + MINUTE_NS:
            return []
        self._closed, self._open = bar, None
        return [self._view(bar, revised=False)]

    def _view(self, bar: _Bar, *, revised: bool) -> Published:
        body: dict[str, Any] = {
            "type": "bar",
            "id": id_text(bar.id),
            "symbol": self.symbol,
            "interval": "1m",
            "start": rfc3339(bar.start),
            "open": format_nanos(bar.open),
            "high": format_nanos(bar.high),
            "low": format_nanos(bar.low),
            "close": format_nanos(bar.close),
            "volume": format_nanos(bar.volume),
            "vwap": format_nanos((2 * bar.turnover + bar.volume) // (2 * bar.volume)),
            "trades": bar.trades,
            "revised": revised,
        }
        return Published(body, bar.id, bar.start + MINUTE_NS)


def _add(bar: _Bar, trade: messages.TradeMessage) -> None:
    price, quantity = trade["price"], trade["quantity"]
    bar.high, bar.low, bar.close = max(bar.high, price), min(bar.low, price), price
    bar.volume += quantity
    bar.turnover += price * quantity
    bar.trades += 1
    bar.id = (trade["sequence"], trade["index"])
