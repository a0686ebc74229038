"""The ticks received since the last batch to the engine, as the next batch. Pure.

The rules, in the order in which they apply to a tick:

- **Duplicates** are dropped for the engine and for the sink. The key is a trade's id, or a quote's
  sequence (without one, all its fields); the last `RECENT_MAX` keys of each symbol are kept.
- **Out of order**: a quote older than its symbol's latest does not replace it; the sink gets it. The
  order is by the source's time, then by its sequence, because providers restart sequences each day. A
  trade counts whenever it arrives, unless it is late.
- **Late**: a tick that took `LATE_NS` longer to arrive than the fastest tick of the last minutes. So a
  delayed feed or a clock offset is not late, but a connection that fell behind is. Late prints are
  dropped. Quotes that took `STALE_NS` longer are dropped too, and the engine withdraws the older quote.
- **Conflation**: a batch has at most one quote per symbol, the latest, because an older one is already
  outdated. It has at most `PRINTS_PER_SYMBOL` prints per symbol; the first, highest, lowest and last
  price and the volume are preserved.
- **Halts** are sent as a quote with two empty sides. Quotes of a halted symbol are dropped until trading
  resumes.
- **Cancels and corrections** change a print that is not sent yet. A print that was sent stays: fills are
  final.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cift.feeds.outside import Bar, Cancel, Correction, Quote, Status, Tick, Trade

PRINTS_PER_SYMBOL = 20
"""A symbol with more prints in one batch is reduced to its first, highest, lowest and last print."""
PENDING_MAX = 20_000
"""Beyond it the pending ticks are conflated at once."""
RECENT_MAX = 2_048
"""Trades, and quotes, of one symbol that are remembered to detect duplicates."""
LATE_NS = 1_000_000_000
STALE_NS = 5_000_000_000
BASELINE_NS = 60_000_000_000
"""The fastest tick is the minimum over the current interval of this length and the one before."""


class _Recent:
    """The most recent keys, bounded."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[int, None] = {}

    def add(self, key: int) -> bool:
        """False if the key is already there."""
        if key in self._keys:
            return False
        self._keys[key] = None
        if len(self._keys) > RECENT_MAX:
            del self._keys[next(iter(self._keys))]
        return True


class _Symbol:
    __slots__ = ("halted", "latest", "quotes", "trades")

    def __init__(self) -> None:
        self.trades, self.quotes = _Recent(), _Recent()
        self.latest: Quote | None = None
        self.halted = False


class Lag:
    """How long ticks take to arrive, compared with the fastest recent one."""

    def __init__(self) -> None:
        self.last_ns = 0
        self._fastest: int | None = None
        self._fastest_before: int | None = None
        self._interval_ns = 0
        """Start of the current interval."""

    def behind_ns(self, at_ns: int, now_ns: int) -> int:
        """How much longer this tick took than the fastest one."""
        self.last_ns = lag = now_ns - at_ns
        if now_ns - self._interval_ns > BASELINE_NS:
            self._fastest_before, self._fastest, self._interval_ns = self._fastest, None, now_ns
        if self._fastest is None or lag < self._fastest:
            self._fastest = lag
        fastest = self._fastest if self._fastest_before is None else min(self._fastest, self._fastest_before)
        return lag - fastest


class PendingTicks:
    """`dropped` counts the ticks that are not sent to the engine, by reason."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Symbol] = {}
        self._pending: list[Trade | Quote] = []
        self.lag = Lag()
        self.dropped: dict[str, int] = {}

    def add(self, ticks: Iterable[Tick], now_ns: int, *, missed: bool = False) -> list[Tick]:
        """Add ticks that were received at `now_ns`; returns those that are new to the sink.

        `missed`: they were fetched after a disconnection. Their prints are not sent; their latest quotes
        still count.
        """
        fresh = [tick for tick in ticks if self._add(tick, now_ns, missed)]
        if len(self._pending) > PENDING_MAX:
            self._pending = condense(self._pending)
        return fresh

    @property
    def count(self) -> int:
        """The number of pending ticks."""
        return len(self._pending)

    def take(self) -> list[Trade | Quote]:
        """The batch to send now; nothing is pending afterwards."""
        pending, self._pending = self._pending, []
        return condense(pending)

    def latest_quotes(self) -> list[Trade | Quote]:
        """Each symbol's latest quote, oldest first, instead of the pending ticks, which are dropped."""
        self.drop("not_reached", sum(isinstance(tick, Trade) for tick in self._pending))
        self._pending = []
        quotes = [each.latest for each in self._symbols.values() if each.latest is not None]
        return [*sorted(quotes, key=lambda quote: quote.at_ns)]

    def clear(self) -> None:
        """Drop the pending ticks: no session is open."""
        self._pending = []

    def expire_quotes(self, since_ns: int) -> None:
        """Forget latest quotes as old as this: it is unknown whether they are still valid."""
        for each in self._symbols.values():
            if each.latest is not None and each.latest.at_ns <= since_ns:
                each.latest = None

    def drop(self, why: str, count: int = 1) -> None:
        if count:
            self.dropped[why] = self.dropped.get(why, 0) + count

    def _add(self, tick: Tick, now_ns: int, missed: bool) -> bool:
        symbol = self._symbols.get(tick.symbol)
        if symbol is None:
            symbol = self._symbols[tick.symbol] = _Symbol()
        match tick:
            case Quote():
                return self._add_quote(symbol, tick, now_ns, missed)
            case Trade():
                return self._add_trade(symbol, tick, now_ns, missed)
            case Status():
                symbol.halted = tick.halted
                if tick.halted and not missed:
                    symbol.latest = Quote(tick.symbol, tick.at_ns, 0, 0, 0, 0)
                    self._pending.append(symbol.latest)
            case Cancel() | Correction():
                self._revise(symbol, tick)
            case Bar():
                pass  # for the sink only: the engine makes its own bars
        return True

    def _add_quote(self, symbol: _Symbol, quote: Quote, now_ns: int, missed: bool) -> bool:
        # The sequence is the better key: a source may give the same time in milliseconds here and in
        # nanoseconds there.
        if not symbol.quotes.add(quote.sequence or hash(quote)):
            self.drop("duplicate")
            return False
        behind_ns = 0 if missed else self.lag.behind_ns(quote.at_ns, now_ns)
        latest = symbol.latest
        if latest is not None and (quote.at_ns, quote.sequence) < (latest.at_ns, latest.sequence):
            self.drop("out_of_order")
        elif symbol.halted:
            self.drop("halted")
        elif behind_ns > STALE_NS:
            self.drop("late")
        else:
            symbol.latest = quote
            self._pending.append(quote)
        return True

    def _add_trade(self, symbol: _Symbol, trade: Trade, now_ns: int, missed: bool) -> bool:
        if trade.id and not symbol.trades.add(hash(trade.id)):
            self.drop("duplicate")
            return False
        if missed:
            self.drop("missed")
        elif not trade.is_last_sale:
            self.drop("no_last_sale")
        elif self.lag.behind_ns(trade.at_ns, now_ns) > LATE_NS:
            self.drop("late")
        else:
            self._pending.append(trade)
        return True

    def _revise(self, symbol: _Symbol, tick: Cancel | Correction) -> None:
        for index, pending in enumerate(self._pending):
            if isinstance(pending, Trade) and pending.symbol == tick.symbol and pending.id == tick.id:
                if isinstance(tick, Correction) and tick.trade.is_last_sale:
                    self._pending[index] = tick.trade
                else:
                    del self._pending[index]
                break
        else:
            self.drop("revised_too_late")
        if isinstance(tick, Correction):
            symbol.trades.add(hash(tick.trade.id))


def condense(
    ticks: Sequence[Trade | Quote], prints_per_symbol: int = PRINTS_PER_SYMBOL
) -> list[Trade | Quote]:
    """These ticks conflated as described above, in the same order."""
    latest: dict[str, int] = {}
    prints: dict[str, list[int]] = {}
    for index, tick in enumerate(ticks):
        if isinstance(tick, Quote):
            latest[tick.symbol] = index
        else:
            prints.setdefault(tick.symbol, []).append(index)
    kept: dict[int, Trade | Quote] = {index: ticks[index] for index in latest.values()}
    for indexes in prints.values():
        if len(indexes) <= prints_per_symbol:
            kept |= {index: ticks[index] for index in indexes}
        else:
            kept |= _thin({index: trade for index in indexes if isinstance(trade := ticks[index], Trade)})
    return [kept[index] for index in sorted(kept)]


def _thin(trades: dict[int, Trade]) -> dict[int, Trade]:
    """The prints of one symbol that are preserved; each gets the volume up to the next preserved one."""
    indexes = list(trades)

    def price(index: int) -> int:
        return trades[index].price

    keep = {indexes[0], indexes[-1], max(indexes, key=price), min(indexes, key=price)}
    quantities: dict[int, int] = {}
    current = indexes[0]
    for index in indexes:
        if index in keep:
            current = index
        quantities[current] = quantities.get(current, 0) + trades[index].quantity
    return {index: trades[index]._replace(quantity=total) for index, total in quantities.items()}
