"""Alpaca's history over REST, page by page: `GET /v2/stocks/{trades,quotes,bars}`.

Rows are sorted by symbol, then time; `next_page_token` requests the next page. Times are sent as RFC 3339
with nine decimals, so that a request can start exactly at the last received tick. Without a subscription
Alpaca rejects requests for the SIP's last fifteen minutes (403).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

from cift.feeds.alpaca import messages
from cift.feeds.feed import FeedUnavailable
from cift.feeds.outside import Tick
from cift.feeds.rest import RestClient
from cift.feeds.settings import AlpacaSettings

PAGE_ROWS = 10_000
"""Alpaca's maximum."""
STREAM_ONLY_FEEDS = frozenset(("test",))


class History:
    """`async with`; each method yields pages of ticks, those of one symbol oldest first."""

    def __init__(self, settings: AlpacaSettings) -> None:
        self._feed = settings.feed
        self._client = RestClient(
            settings.rest_url, {"APCA-API-KEY-ID": settings.key, "APCA-API-SECRET-KEY": settings.secret}
        )

    async def __aenter__(self) -> History:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    def trades(self, symbols: Sequence[str], since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        return self._rows("trades", "t", symbols, since_ns, until_ns)

    def quotes(self, symbols: Sequence[str], since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        return self._rows("quotes", "q", symbols, since_ns, until_ns)

    def bars(
        self, symbols: Sequence[str], since_ns: int, until_ns: int, *, daily: bool = False
    ) -> AsyncIterator[Sequence[Tick]]:
        """Bars of one minute or one day; not adjusted."""
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
            raise FeedUnavailable(f"Alpaca has no history of the feed {self._feed}")
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
            page = await self._client.get(f"/v2/stocks/{what}", parameters)
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
                continue  # cancelled or corrected later
            try:
                tick = messages.tick(row, kind, symbol)
            except messages.Malformed as problem:
                raise FeedUnavailable(f"Alpaca's history has an unexpected form: {problem}") from problem
            if tick is not None:
                ticks.append(tick)
    return ticks


def precise(at_ns: int) -> str:
    """RFC 3339 with nanoseconds."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"
