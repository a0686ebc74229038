"""Requests for market data: what they need from the tape and the engine, and their answers in Alpaca's form.

Prices are JSON numbers here, as Alpaca sends them. Trades and bars come from the tape: trades of this
exchange and of the outside market together. A list is sorted by symbol, then by time; its page token names
the symbol and the place where the next page begins.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from cift_core import wire

from cift.alpaca import assets, bars, times
from cift.alpaca.assets import Directory, Instrument
from cift.alpaca.bars import Bar, Timeframe
from cift.alpaca.errors import AlpacaError, not_found
from cift.kernel.clock import from_datetime, now_ns, rfc3339, rfc3339_ns, to_datetime
from cift.kernel.money import NANOS
from cift.market_data import rules, store
from cift.platform.engine import Engine
from cift.platform.nats import Nats
from cift.platform.postgres import Connection, Database
from cift.streams.updates import Updates

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

T = TypeVar("T")
LIMIT_DEFAULT, LIMIT_MAX = 1_000, 10_000
SYMBOLS_MAX = 500
HERE, OUTSIDE = "C", "O"
EXCHANGES = {HERE: "CIFT Markets", OUTSIDE: "Outside market"}
_FEEDS = ("iex", "sip", "delayed_sip", "otc", "boats", "overnight")
_SOURCES = ["exchange", "outside"]
_CONDITION, _QUOTE_CONDITION = "@", "R"
Class = Literal["us_equity", "crypto"]


def bad_request(message: str) -> AlpacaError:
    """400 for a parameter with a wrong value."""
    return AlpacaError(400, 40010001, message)


def check_feed(feed: str | None) -> None:
    """Raises AlpacaError for an unknown feed. All known ones are this exchange's tape."""
    if feed is not None and feed not in _FEEDS:
        raise bad_request(f"invalid feed: {feed[:32]!r}; allowed: {', '.join(_FEEDS)}")


def choose(text: str | None, instruments: Directory, of: Class) -> list[Instrument]:
    """The instruments of `symbols`, separated by commas, sorted. Unknown ones are left out.

    Raises:
        AlpacaError: none is named, or too many are.
    """
    names = [name.strip() for name in (text or "").split(",") if name.strip()]
    if not names:
        raise bad_request("symbols is required")
    if len(names) > SYMBOLS_MAX:
        raise bad_request(f"symbols has {len(names)} entries; at most {SYMBOLS_MAX} are allowed")
    found = {each.symbol: each for name in names if (each := instruments.find(name)) is not None}
    return [found[symbol] for symbol in sorted(found) if found[symbol].asset_class == of]


def one(name: str, instruments: Directory) -> Instrument:
    """The instrument of a path. Raises AlpacaError: 404."""
    found = instruments.find(name)
    if found is None:
        raise not_found(f"symbol not found: {name[:32]}")
    return found


@dataclass(frozen=True, slots=True)
class Window:
    """The range, order and size of a page of a list."""

    since: datetime
    until: datetime
    ascending: bool
    limit: int
    after: tuple[str, int, int, int] | None
    """Of the page before: symbol, time (ns), sequence and row of its last item."""

    def of(self, symbol: str) -> Window | None:
        """The window for one symbol; None if an earlier page had all of it."""
        if self.after is None or symbol > self.after[0]:
            return Window(self.since, self.until, self.ascending, self.limit, None)
        return self if symbol == self.after[0] else None


def window(
    start: str | None,
    end: str | None,
    limit: int | None,
    sort: str | None,
    page_token: str | None,
    *,
    default_days: int = 1,
) -> Window:
    """The range of a request; without a start, the current day of New York. Raises AlpacaError."""
    now = to_datetime(now_ns())
    if limit is not None and not 1 <= limit <= LIMIT_MAX:
        raise bad_request(f"limit must be between 1 and {LIMIT_MAX}")
    if sort not in (None, "asc", "desc"):
        raise bad_request("sort must be asc or desc")
    until = times.moment(end, "end", end_of_day=True)
    # The end is included, and the newest trade is not in the future.
    until = now + timedelta(seconds=1) if until is None else until + timedelta(microseconds=1)
    since = times.moment(start, "start")
    if since is None:
        since = bars.midnight((until - timedelta(days=default_days - 1)).astimezone(bars.NEW_YORK).date())
    elif end is not None and since > until:
        raise bad_request("end must not be before start")
    return Window(since, until, sort != "desc", limit or LIMIT_DEFAULT, _after(page_token))


def _after(token: str | None) -> tuple[str, int, int, int] | None:
    if token is None:
        return None
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        symbol, at, sequence, entry = text.split("|")
        return symbol, int(at), int(sequence), int(entry)
    except (binascii.Error, ValueError):
        raise bad_request("invalid page_token") from None


def _token(symbol: str, at: datetime, sequence: int = 0, entry: int = 0) -> str:
    text = f"{symbol}|{from_datetime(at)}|{sequence}|{entry}"
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Listed:
    """A page: items by symbol, and the token of the next one."""

    items: dict[str, list[dict[str, Any]]]
    next_page_token: str | None

    def body(self, name: str) -> dict[str, Any]:
        """The body of a list of several symbols."""
        return {name: self.items, "next_page_token": self.next_page_token}

    def body_of(self, name: str, symbol: str) -> dict[str, Any]:
        """The body of a list of one symbol."""
        items = self.items.get(symbol, [])
        return {name: items, "symbol": symbol, "next_page_token": self.next_page_token}


async def _page(
    chosen: list[Instrument],
    requested: Window,
    read: Callable[[str, Window, int], Awaitable[list[T]]],
    body: Callable[[T], dict[str, Any]],
    token: Callable[[str, T], str],
) -> Listed:
    """A page of items of several symbols, symbol by symbol.

    Args:
        read: at most this number of a symbol's items in a window.
        body: an item in Alpaca's form.
        token: the token of the page that begins after this item of a symbol.
    """
    items: dict[str, list[dict[str, Any]]] = {}
    left = requested.limit
    for each in chosen:
        part = requested.of(each.symbol)
        if part is None:
            continue
        found = await read(each.symbol, part, left + 1)
        if found[:left]:
            items[each.symbol] = [body(item) for item in found[:left]]
        if len(found) > left:
            if left == 0:  # the page is full: it ends before this symbol
                return Listed(items, _before(each.symbol, requested))
            return Listed(items, token(each.symbol, found[left - 1]))
        left -= len(found)
    return Listed(items, None)


async def list_bars(chosen: list[Instrument], of: Timeframe, requested: Window, database: Database) -> Listed:
    """A page of bars."""
    async with database.read() as c:
        return await _page(
            chosen,
            requested,
            lambda symbol, part, limit: _bars(c, symbol, of, part, limit),
            bars.body,
            lambda symbol, bar: _token(symbol, bar.start),
        )


def _before(symbol: str, requested: Window) -> str:
    """The token of a page that begins with the first item of a symbol."""
    edge = requested.since - timedelta(days=1) if requested.ascending else requested.until + timedelta(days=1)
    return _token(symbol, max(edge, datetime(1970, 1, 1, tzinfo=UTC)))


async def _bars(c: Connection, symbol: str, of: Timeframe, part: Window, limit: int) -> list[Bar]:
    """At most `limit` bars of the window, in its order."""
    since, until = part.since, part.until
    if of.by_date:
        since = of.start(since) if of.start(since) == since else since
    if part.after is not None:
        edge = to_datetime(part.after[1])
        if part.ascending:
            since = max(since, _next(edge, of))
        else:
            until = min(until, edge)
    if since >= until:
        return []
    if not of.by_date:
        return await _read(c, symbol, of.seconds, since, until, limit, ascending=part.ascending)
    # At most 25 hours a day, and no more days than the request can show.
    days = {"Day": 1, "Week": 7}.get(of.unit, 31 * of.count) * (limit + 1)
    hours = await _read(
        c, symbol, bars.HOUR_S, since, until, min(days * 25, LIMIT_MAX * 25), ascending=part.ascending
    )
    if not part.ascending:
        hours.reverse()
    found = bars.merged(hours, of)
    if not part.ascending:
        found.reverse()
    return found[:limit]


def _next(start: datetime, of: Timeframe) -> datetime:
    """The start of the bar after the one that begins at `start`."""
    if not of.by_date:
        return start + timedelta(seconds=of.seconds)
    beyond = start + {"Day": timedelta(days=1), "Week": timedelta(days=7)}.get(
        of.unit, timedelta(days=31 * of.count)
    )
    return of.start(beyond + timedelta(hours=2))


async def _read(
    c: Connection, symbol: str, seconds: int, since: datetime, until: datetime, limit: int, *, ascending: bool
) -> list[Bar]:
    """At most `limit` bars that begin in [since, until). Nights without a trade cost nothing."""
    step = timedelta(seconds=seconds)
    aligned = rules.align(since, seconds)
    since = aligned if aligned >= since else aligned + step
    found: list[Bar] = []
    while len(found) < limit and since < until:
        count = limit - len(found)
        if ascending:
            first = await store.first_trade_at(c, symbol, _SOURCES, since, until)
            if first is None:
                break
            close = min(rules.align(first, seconds) + step * count, until)
            found += [
                bars.bar_of(row) for row in await store.bars(c, symbol, _SOURCES, seconds, first, close)
            ]
            since = close
        else:
            last = await store.last_trade_at(c, symbol, _SOURCES, until)
            if last is None or last < since:
                break
            begin = max(rules.align(last, seconds) - step * (count - 1), since)
            rows = await store.bars(c, symbol, _SOURCES, seconds, begin, until)
            found += [bars.bar_of(row) for row in reversed(rows)]
            until = begin
    return found


async def list_trades(chosen: list[Instrument], requested: Window, database: Database) -> Listed:
    """A page of trades."""
    async with database.read() as c:

        async def read(symbol: str, part: Window, limit: int) -> list[Any]:
            after = None
            if part.after is not None and part.after[2]:
                after = (to_datetime(part.after[1]), part.after[2], part.after[3])
            return await store.trades_between(c, symbol, part.since, part.until, after, part.ascending, limit)

        return await _page(
            chosen,
            requested,
            read,
            trade_body,
            lambda symbol, row: _token(symbol, row["executed_at"], row["sequence"], row["entry"]),
        )


def trade_id(sequence: int, entry: int) -> int:
    """The number of a trade: it grows with its place in the journal, and fits the integers of JSON."""
    return sequence * 1_000 + entry % 1_000


def trade_body(row: Any) -> dict[str, Any]:
    """A trade of the tape."""
    return {
        "t": rfc3339_ns(from_datetime(row["executed_at"])),
        "x": HERE if row["source"] == "exchange" else OUTSIDE,
        "p": float(row["price"]),
        "s": bars.number(row["quantity"]),
        "c": [_CONDITION],
        "i": trade_id(row["sequence"], row["entry"]),
        "z": "C",
    }


async def latest_trades(chosen: list[Instrument], database: Database) -> dict[str, dict[str, Any]]:
    """The last trade of each instrument that has one."""
    found = {}
    async with database.read() as c:
        for each in chosen:
            rows = await store.trades(c, each.symbol, None, None, 1)
            if rows:
                found[each.symbol] = trade_body(rows[0])
    return found


async def latest_quotes(chosen: list[Instrument], engine: Engine) -> dict[str, dict[str, Any]]:
    """The present quote of each instrument, from the engine."""
    if not chosen:
        return {}
    answer = await engine.query({"quote": [each.symbol for each in chosen]})
    return {quote["symbol"]: quote_body(quote, answer["at"]) for quote in answer["quotes"]}


def quote_body(quote: messages.Quote, at: int) -> dict[str, Any]:
    """A quote; a side without an order has the price and the size 0, as at Alpaca."""
    return {
        "t": rfc3339_ns(at),
        "ax": HERE,
        "ap": float(quote["ask"] or 0),
        "as": float(quote["ask_quantity"] or 0),
        "bx": HERE,
        "bp": float(quote["bid"] or 0),
        "bs": float(quote["bid_quantity"] or 0),
        "c": [_QUOTE_CONDITION],
        "z": "C",
    }


async def latest_bars(
    chosen: list[Instrument], database: Database, text: str = "1Min", number: int = 1
) -> dict[str, list[Bar]]:
    """The last bars of each instrument, newest first; those without a trade are left out."""
    of = bars.timeframe(text)
    since, until = datetime(1970, 1, 2, tzinfo=UTC), to_datetime(now_ns()) + timedelta(seconds=1)
    whole = Window(since, until, False, 1, None)
    found = {}
    async with database.read() as c:
        for each in chosen:
            last = await _bars(c, each.symbol, of, whole, number)
            if last:
                found[each.symbol] = last
    return found


async def snapshots(
    chosen: list[Instrument], engine: Engine, database: Database
) -> dict[str, dict[str, Any]]:
    """The last trade, quote, minute and two days of each instrument."""
    trades, quotes = await latest_trades(chosen, database), await latest_quotes(chosen, engine)
    minutes, days = await latest_bars(chosen, database), await latest_bars(chosen, database, "1Day", 2)
    found = {}
    for each in chosen:
        symbol = each.symbol
        minute, day = minutes.get(symbol, []), days.get(symbol, [])
        parts = {
            "latestTrade": trades.get(symbol),
            "latestQuote": quotes.get(symbol),
            "minuteBar": bars.body(minute[0]) if minute else None,
            "dailyBar": bars.body(day[0]) if day else None,
            "prevDailyBar": bars.body(day[1]) if len(day) > 1 else None,
        }
        found[symbol] = {name: part for name, part in parts.items() if part is not None}
    return found


async def orderbooks(chosen: list[Instrument], engine: Engine, depth: int) -> dict[str, dict[str, Any]]:
    """The visible book of each instrument, best prices first."""
    found = {}
    for each in chosen:
        answer = await engine.query({"book": {"symbol": each.symbol, "depth": depth}})
        found[each.symbol] = {
            "t": rfc3339_ns(answer["at"]),
            "b": [{"p": float(price), "s": float(size)} for price, size, _ in answer["bids"]],
            "a": [{"p": float(price), "s": float(size)} for price, size, _ in answer["asks"]],
        }
    return found


async def directory(database: Database) -> Directory:
    """All instruments."""
    return await assets.directory(database)


async def list_quotes(chosen: list[Instrument], requested: Window, bus: Nats) -> Listed:
    """A page of quotes. The bus keeps the newest ones in memory, for some minutes to hours; older ones are in
    the analytics store, which these paths do not read."""
    updates = Updates(bus, bus.shard)
    return await _page(
        chosen,
        requested,
        lambda symbol, part, limit: _quotes(updates, symbol, part, limit),
        stream_quote,
        lambda symbol, quote: _token(
            symbol, to_datetime(quote["timestamp"]), quote["sequence"], quote["index"]
        ),
    )


async def _quotes(updates: Updates, symbol: str, part: Window, limit: int) -> list[messages.QuoteMessage]:
    wanted = wire.Wanted()
    wanted.add("quote", symbol)
    since, until = from_datetime(part.since), from_datetime(part.until)
    # The token of a page that begins with a symbol's first item (`_before`) has no sequence.
    after = None if part.after is None or not part.after[2] else part.after[2:]
    if part.after is not None and part.ascending:
        since = max(since, part.after[1])
    found: list[messages.QuoteMessage] = []
    batch, position = await updates.since(rfc3339(since))
    while batch:
        items = (item for data in batch for item in wire.decode_update(data, wanted)["items"])
        for message in (wire.decode_quote(data) for *_, data in items):
            if not since <= message["timestamp"] < until:
                continue
            key = (message["sequence"], message["index"])
            if after is None or (key > after if part.ascending else key < after):
                found.append(message)
        if part.ascending and len(found) >= limit:
            break
        batch, position = await updates.batch(position)
    return found[:limit] if part.ascending else found[::-1][:limit]


def stream_quote(message: messages.QuoteMessage) -> dict[str, Any]:
    """A quote of the bus, as `quote_body`."""
    return {
        "t": rfc3339_ns(message["timestamp"]),
        "ax": HERE,
        "ap": (message["ask"] or 0) / NANOS,
        "as": (message["ask_quantity"] or 0) / NANOS,
        "bx": HERE,
        "bp": (message["bid"] or 0) / NANOS,
        "bs": (message["bid_quantity"] or 0) / NANOS,
        "c": [_QUOTE_CONDITION],
        "z": "C",
    }


async def most_actives(by: str, top: int, database: Database) -> dict[str, Any]:
    """The symbols with the most volume or trades of the last 24 hours."""
    now = now_ns()
    async with database.read() as c:
        rows = await store.most_active(c, to_datetime(now) - timedelta(days=1), by, top)
    listed = [
        {"symbol": row["symbol"], "volume": bars.number(row["volume"]), "trade_count": row["trades"]}
        for row in rows
    ]
    return {"most_actives": listed, "last_updated": rfc3339_ns(now)}


async def movers(of: Class, top: int, database: Database) -> dict[str, Any]:
    """The symbols whose price rose and fell the most since the previous day with a trade."""
    instruments = [each for each in (await directory(database)).instruments if each.asset_class == of]
    changes = []
    for symbol, days in (await latest_bars(instruments, database, "1Day", 2)).items():
        if len(days) == 2:
            change = days[0].close - days[1].close
            changes.append((float(change / days[1].close * 100), symbol, float(change), float(days[0].close)))
    changes.sort()

    def listed(found: list[tuple[float, str, float, float]]) -> list[dict[str, Any]]:
        return [
            {"symbol": symbol, "percent_change": round(percent, 2), "change": change, "price": price}
            for percent, symbol, change, price in found
        ]

    return {
        "gainers": listed([each for each in reversed(changes) if each[0] > 0][:top]),
        "losers": listed([each for each in changes if each[0] < 0][:top]),
        "market_type": "stocks" if of == "us_equity" else "crypto",
        "last_updated": rfc3339_ns(now_ns()),
    }


def conditions(ticktype: str) -> dict[str, str]:
    """The conditions of trades or quotes. Raises AlpacaError: 400."""
    if ticktype not in ("trade", "quote"):
        raise bad_request("ticktype must be trade or quote")
    return (
        {_CONDITION: "Regular Sale"} if ticktype == "trade" else {_QUOTE_CONDITION: "Regular Two-Sided Open"}
    )
