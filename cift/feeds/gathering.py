"""What a feed said since the engine was last told, as the one batch to tell next. Pure.

Policies, in the order in which a tick meets them:

- **Duplicates** (a trade's id, a quote's sequence, or where it has none all its fields, seen among the
  last `RECENT_MAX` of its symbol) drop, for every listener.
- **Out of order**: a quote older than its symbol's latest never replaces it; raw listeners get it. The
  source's time decides, within the same time its sequence (providers restart sequences each day).
  A trade counts whenever it comes, unless it is late.
- **Late** is what took `LATE_NS` longer to get here than the quickest tick of the last minutes did, so
  a delayed feed or a clock beside ours is no lateness, and a line that fell behind is. Late prints are
  not told; quotes that took `STALE_NS` longer are not either, and the engine withdraws what it has.
- **Conflation**: a batch has at most one quote a symbol (the latest: an older one is stale the moment
  it could be sent) and at most `PRINTS_PER_SYMBOL` prints; the first, highest, lowest and last price of
  each symbol, and its volume, survive.
- **Halts** are told as a quote of nobody; quotes of a halted symbol wait for the resumption.
- **Cancels and corrections** change a print that was not told yet. One that was told stays: fills stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cift.feeds.outside import Bar, Cancel, Correction, Quote, Status, Tick, Trade

PRINTS_PER_SYMBOL = 20
"""A symbol with more prints in one batch is told by its first, highest, lowest and last alone."""
PENDING_MAX = 20_000
"""Beyond it what waits is conflated at once."""
RECENT_MAX = 2_048
"""Trades, and quotes, of one symbol that are remembered to know a duplicate."""
LATE_NS = 1_000_000_000
STALE_NS = 5_000_000_000
BASELINE_NS = 60_000_000_000
"""The quickest way here is looked for in so long, and in as long before it."""


class _Recent:
    """The last keys seen, bounded."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        self._keys: dict[int, None] = {}

    def add(self, key: int) -> bool:
        """False: it was there."""
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
    """How long ticks take to get here, beside the quickest of late."""

    def __init__(self) -> None:
        self.last_ns = 0
        self._quickest: int | None = None
        self._before: int | None = None
        self._turned_ns = 0

    def behind_ns(self, at_ns: int, now_ns: int) -> int:
        """How much longer this tick took than it had to."""
        self.last_ns = lag = now_ns - at_ns
        if now_ns - self._turned_ns > BASELINE_NS:
            self._before, self._quickest, self._turned_ns = self._quickest, None, now_ns
        if self._quickest is None or lag < self._quickest:
            self._quickest = lag
        quickest = self._quickest if self._before is None else min(self._quickest, self._before)
        return lag - quickest


class Gathering:
    """`dropped` counts by reason what was not told to the engine."""

    def __init__(self) -> None:
        self._symbols: dict[str, _Symbol] = {}
        self._pending: list[Trade | Quote] = []
        self.lag = Lag()
        self.dropped: dict[str, int] = {}

    def add(self, ticks: Iterable[Tick], now_ns: int, *, missed: bool = False) -> list[Tick]:
        """Take in what was received at `now_ns`; returns what is new to raw listeners.

        `missed`: it was fetched afterwards; its prints are history, its latest quotes still stand.
        """
        fresh = [tick for tick in ticks if self._take_in(tick, now_ns, missed)]
        if len(self._pending) > PENDING_MAX:
            self._pending = condense(self._pending)
        return fresh

    @property
    def waiting(self) -> int:
        """How many ticks wait to be told."""
        return len(self._pending)

    def take(self) -> list[Trade | Quote]:
        """The batch to tell now; nothing waits afterwards."""
        pending, self._pending = self._pending, []
        return condense(pending)

    def standing(self) -> list[Trade | Quote]:
        """Each symbol's latest quote, oldest first, and nothing waits afterwards: what a listener that
        was away must be told. What it missed is not told late."""
        self.drop("not_reached", sum(isinstance(tick, Trade) for tick in self._pending))
        self._pending = []
        quotes = [each.latest for each in self._symbols.values() if each.latest is not None]
        return [*sorted(quotes, key=lambda quote: quote.at_ns)]

    def forget(self) -> None:
        """Nothing waits (there is no session to tell it in)."""
        self._pending = []

    def doubt(self, since_ns: int) -> None:
        """Nobody knows what became of quotes as old as this."""
        for each in self._symbols.values():
            if each.latest is not None and each.latest.at_ns <= since_ns:
                each.latest = None

    def drop(self, why: str, count: int = 1) -> None:
        if count:
            self.dropped[why] = self.dropped.get(why, 0) + count

    def _take_in(self, tick: Tick, now_ns: int, missed: bool) -> bool:
        of = self._symbols.get(tick.symbol)
        if of is None:
            of = self._symbols[tick.symbol] = _Symbol()
        match tick:
            case Quote():
                return self._quote(of, tick, now_ns, missed)
            case Trade():
                return self._trade(of, tick, now_ns, missed)
            case Status():
                of.halted = tick.halted
                if tick.halted and not missed:
                    of.latest = Quote(tick.symbol, tick.at_ns, 0, 0, 0, 0)
                    self._pending.append(of.latest)
            case Cancel() | Correction():
                self._revise(of, tick)
            case Bar():
                pass  # raw listeners alone: the engine makes its own
        return True

    def _quote(self, of: _Symbol, quote: Quote, now_ns: int, missed: bool) -> bool:
        # A source may write times to the millisecond here and to the nanosecond there: its number says more.
        if not of.quotes.add(quote.sequence or hash(quote)):
            self.drop("duplicate")
            return False
        behind_ns = 0 if missed else self.lag.behind_ns(quote.at_ns, now_ns)
        latest = of.latest
        if latest is not None and (quote.at_ns, quote.sequence) < (latest.at_ns, latest.sequence):
            self.drop("out_of_order")
        elif of.halted:
            self.drop("halted")
        elif behind_ns > STALE_NS:
            self.drop("late")
        else:
            of.latest = quote
            self._pending.append(quote)
        return True

    def _trade(self, of: _Symbol, trade: Trade, now_ns: int, missed: bool) -> bool:
        if trade.id and not of.trades.add(hash(trade.id)):
            self.drop("duplicate")
            return False
        if missed:
            self.drop("missed")
        elif not trade.tells_price:
            self.drop("no_last_sale")
        elif self.lag.behind_ns(trade.at_ns, now_ns) > LATE_NS:
            self.drop("late")
        else:
            self._pending.append(trade)
        return True

    def _revise(self, of: _Symbol, tick: Cancel | Correction) -> None:
        for index, waiting in enumerate(self._pending):
            if isinstance(waiting, Trade) and waiting.symbol == tick.symbol and waiting.id == tick.id:
                if isinstance(tick, Correction) and tick.trade.tells_price:
                    self._pending[index] = tick.trade
                else:
                    del self._pending[index]
                break
        else:
            self.drop("revised_too_late")
        if isinstance(tick, Correction):
            of.trades.add(hash(tick.trade.id))


def condense(
    ticks: Sequence[Trade | Quote], prints_per_symbol: int = PRINTS_PER_SYMBOL
) -> list[Trade | Quote]:
    """The batch to tell for these ticks: see the module's header. Keeps their order."""
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
    """Which prints of one symbol stay; each has the volume up to the next that stays."""
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
