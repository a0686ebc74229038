"""Alpaca's history over REST, page by page: `GET /v2/stocks/{trades,quotes,bars}`.

Rows are sorted by symbol, then time; `next_page_token` leads on. Times go out as RFC 3339 of nine
decimals, so that what was seen last can be asked from exactly. Without a subscription the SIP's last
fifteen minutes are refused (403); the reason is Alpaca's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from cift.feeds.alpaca import messages
from cift.feeds.feed import Lost
from cift.feeds.outside import Tick
from cift.feeds.pages import Pages
from cift.feeds.settings import AlpacaSettings

PAGE_ROWS = 10_000
"""The most that Alpaca gives at once."""
STREAM_ONLY_FEEDS = frozenset(("test",))


class History:
    """`async with`; each method yields pages of ticks, those of one symbol oldest first."""

    def __init__(self, settings: AlpacaSettings) -> None:
        self._feed = settings.feed
        self._pages = Pages(
            settings.rest_url, {"APCA-API-KEY-ID": settings.key, "APCA-API-SECRET-KEY": settings.secret}
        )

    async def __aenter__(self) -> History:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pages.__aexit__()

    def trades(self, symbols: Sequence[str], since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        return self._rows("trades", "t", symbols, since_ns, until_ns)

    def quotes(self, symbols: Sequence[str], since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        return self._rows("quotes", "q", symbols, since_ns, until_ns)

    def bars(
        self, symbols: Sequence[str], since_ns: int, until_ns: int, *, daily: bool = False
    ) -> AsyncIterator[Sequence[Tick]]:
        """Bars of a minute, or of a day; not adjusted."""
        more = {"timeframe": "1Day" if daily else "1Min", "adjustment": "raw"}
        return self._rows("bars", "d" if daily else "b", symbols, since_ns, until_ns, more)

    async def _rows(
        self,
        what: str,
        kind: str,
        symbols: Sequence[str],
        since_ns: int,
        until_ns: int,
        more: dict[str, str] | None = None,
    ) -> AsyncIterator[Sequence[Tick]]:
        if self._feed in STREAM_ONLY_FEEDS:
            raise Lost(f"Alpaca keeps no history of the feed {self._feed}")
        parameters: dict[str, str | int] = {
            "symbols": ",".join(symbols),
            "start": precise(since_ns),
            "end": precise(until_ns),
            "limit": PAGE_ROWS,
            "feed": self._feed.removeprefix("delayed_"),
            "sort": "asc",
            **(more or {}),
        }
        while True:
            page = await self._pages.get(f"/v2/stocks/{what}", parameters)
            yield _ticks(page.get(what) or {}, kind)
            token = page.get("next_page_token")
            if not token:
                return
            parameters["page_token"] = token


def _ticks(rows: dict[str, list[dict[str, Any]]], kind: str) -> list[Tick]:
    ticks = []
    for symbol, found in rows.items():
        for row in found:
            if row.get("u") in ("canceled", "incorrect"):
                continue  # the update says that it never was
            try:
                tick = messages.tick(row, kind, symbol)
            except messages.Malformed as problem:
                raise Lost(f"Alpaca's history cannot be understood: {problem}") from problem
            if tick is not None:
                ticks.append(tick)
    return ticks


def precise(at_ns: int) -> str:
    """RFC 3339 to the nanosecond."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
