"""Massive's history over REST, page by page: `/v3/trades/{symbol}`, `/v3/quotes/{symbol}`, `/v2/aggs`.

`next_url` is the next page. It is requested only on Massive's own host, because the key is sent with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from urllib.parse import quote

from cift.feeds.feed import FeedUnavailable
from cift.feeds.massive import messages
from cift.feeds.outside import Tick
from cift.feeds.rest import RestClient
from cift.feeds.settings import MassiveSettings

PAGE_ROWS = 50_000
"""Massive's maximum."""
NS_PER_MS = 1_000_000
MINUTE_S, DAY_S = 60, 86_400


class History:
    """`async with`; each method yields pages of one symbol's ticks, oldest first."""

    def __init__(self, settings: MassiveSettings) -> None:
        self._client = RestClient(settings.rest_url, {"Authorization": f"Bearer {settings.key}"})

    async def __aenter__(self) -> History:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.__aexit__()

    def trades(self, symbol: str, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        return self._between("trades", symbol, since_ns, until_ns)

    def quotes(self, symbol: str, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        return self._between("quotes", symbol, since_ns, until_ns)

    def bars(
        self, symbol: str, since_ns: int, until_ns: int, *, daily: bool = False
    ) -> AsyncIterator[Sequence[Tick]]:
        """Bars of one minute or one day; not adjusted."""
        start, end = since_ns // NS_PER_MS, until_ns // NS_PER_MS
        span = "day" if daily else "minute"
        path = f"/v2/aggs/ticker/{quote(symbol, safe='')}/range/1/{span}/{start}/{end}"
        parameters: dict[str, str | int] = {"adjusted": "false", "sort": "asc", "limit": PAGE_ROWS}
        return self._rows("aggs", symbol, path, parameters, DAY_S if daily else MINUTE_S)

    def _between(self, what: str, symbol: str, since_ns: int, until_ns: int) -> AsyncIterator[Sequence[Tick]]:
        parameters: dict[str, str | int] = {
            "timestamp.gte": since_ns,
            "timestamp.lte": until_ns,
            "order": "asc",
            "sort": "timestamp",
            "limit": PAGE_ROWS,
        }
        return self._rows(what, symbol, f"/v3/{what}/{quote(symbol, safe='')}", parameters)

    async def _rows(
        self,
        what: str,
        symbol: str,
        path: str,
        parameters: dict[str, str | int] | None,
        interval_s: int = 0,
    ) -> AsyncIterator[Sequence[Tick]]:
        while True:
            page = await self._client.get(path, parameters)
            try:
                rows = [messages.row(what, symbol, interval_s, row) for row in page.get("results") or []]
            except messages.Malformed as problem:
                raise FeedUnavailable(f"Massive's history has an unexpected form: {problem}") from problem
            yield [tick for tick in rows if tick is not None]
            path, parameters = page.get("next_url") or "", None
            if not path:
                return
