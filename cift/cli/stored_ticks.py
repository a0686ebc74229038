"""Reads stored ticks over HTTP, for loads (`cift.history.replace.Stored`).

The store of an exchange on one machine is inside its process, so another process can read it only over HTTP.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import httpx

from cift.cli.client import PREFIX, segment
from cift.history.batches import COLUMNS, Kind
from cift.kernel.clock import rfc3339_ns
from cift.kernel.errors import CiftError, Unavailable

if TYPE_CHECKING:
    import polars as pl

TIMEOUT_S = 120.0
_SIDES = {"buy": 1, "sell": -1}
_NONE = ("unknown_symbol", "unknown_feed", "future_range")


class StoredTicks:
    """The ticks of the exchange at a URL."""

    def __init__(self, url: str) -> None:
        self._http = httpx.AsyncClient(base_url=url + PREFIX, timeout=TIMEOUT_S)

    async def close(self) -> None:
        await self._http.aclose()

    async def has_any(self, symbol: str, feed: str, kind: Kind, since_ns: int, until_ns: int) -> bool:
        answer = await self._get(symbol, feed, kind, since_ns, until_ns, form="json", limit=1)
        return answer is not None and bool(answer.json()["items"])

    async def ticks(
        self, symbol: str, feed: str, kind: Kind, since_ns: int, until_ns: int
    ) -> pl.DataFrame | None:
        import polars as pl

        answer = await self._get(symbol, feed, kind, since_ns, until_ns, form="parquet")
        if answer is None:
            return None
        frame = pl.read_parquet(io.BytesIO(answer.content))
        amounts = [name for name in COLUMNS[kind] if name in frame.columns and name not in _PLAIN]
        columns = [
            pl.col("sequence").cast(pl.UInt64),
            pl.col("at").dt.epoch("ns").cast(pl.Int64),
            *(pl.col(name).cast(pl.Decimal(38, 9)).to_physical().cast(pl.Int64) for name in amounts),
        ]
        if kind == "trade":
            side = pl.col("aggressor").cast(pl.String).replace_strict(_SIDES, default=0, return_dtype=pl.Int8)
            columns += [side.fill_null(0).alias("side"), pl.col("conditions").cast(pl.UInt32)]
        return frame.select(columns).select(COLUMNS[kind])

    async def _get(
        self, symbol: str, feed: str, kind: Kind, since_ns: int, until_ns: int, *, form: str, **more: Any
    ) -> httpx.Response | None:
        """The response; None if the exchange has no such ticks. Raises Unavailable, CiftError."""
        query = {"kind": f"{kind}s", "feed": feed, "format": form, **more}
        query |= {"start": rfc3339_ns(max(since_ns, 0)), "end": rfc3339_ns(until_ns)}
        try:
            answer = await self._http.get(f"/market-data/history/{segment(symbol)}", params=query)
        except httpx.HTTPError as error:
            raise Unavailable(
                "no_answer", f"The exchange at {self._http.base_url} does not answer"
            ) from error
        if answer.status_code == 200:
            return answer
        body = answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}
        if body.get("code") in _NONE:
            return None
        raise CiftError(str(body.get("code", "failed")), str(body.get("message", answer.text[:200])))


_PLAIN = ("sequence", "at", "side", "conditions")
