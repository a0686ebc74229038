"""The exchange's history as data frames, for notebooks.

    from cift.client import Market

    market = Market()                                        # CIFT_URL, else http://127.0.0.1:8000
    market.bars("SPY", interval="5m", feed="lean", start="2013-10-07T00:00:00Z")
    market.history("SPY", feed="lean", start=…, end=…)       # every tick; as Parquet over the wire
    market.analytics("spread/SPY", interval="1m", start=…)   # or order-flow/…, volume-profile/…, executions

Frames are of polars: times are UTC timestamps; prices and quantities float64, for this is analysis.
`exact=True` keeps the decimals that the exchange tells. Needs polars and httpx, which `make setup` brings.
"""

import io
import os
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    import polars as pl

TIMEOUT_S = 120.0
PAGE_LIMIT = 500
ROWS_MAX = 1_000_000
_WORDS = {"symbol", "side", "liquidity", "order_id"}


class AskedWrong(Exception):
    """The exchange said no; its code and sentence."""


class Market:
    """Asks one exchange."""

    def __init__(self, url: str | None = None, api_key: str | None = None) -> None:
        key = api_key or os.environ.get("CIFT_API_KEY")
        self._http = httpx.Client(
            base_url=(url or os.environ.get("CIFT_URL") or "http://127.0.0.1:8000") + "/api/v1",
            headers={"X-API-Key": key} if key else {},
            timeout=TIMEOUT_S,
        )

    def bars(self, symbol: str, *, exact: bool = False, **query: Any) -> "pl.DataFrame":
        """All bars of a range, oldest first; the words of `GET market-data/bars`. Raises AskedWrong."""
        return self._pages(f"/market-data/bars/{symbol}", query, exact)

    def analytics(self, question: str, *, exact: bool = False, **query: Any) -> "pl.DataFrame":
        """The answer to `GET analytics/<question>`, all pages. Raises AskedWrong."""
        return self._pages(f"/analytics/{question}", query, exact)

    def history(self, symbol: str, **query: Any) -> "pl.DataFrame":
        """Every tick of a range; the words of `GET market-data/history`. Raises AskedWrong."""
        import polars as pl

        answer = self._http.get(f"/market-data/history/{symbol}", params={**query, "format": "parquet"})
        return pl.read_parquet(io.BytesIO(_sound(answer).content))

    def _pages(self, path: str, query: dict[str, Any], exact: bool) -> "pl.DataFrame":
        import polars as pl

        rows: list[dict[str, Any]] = []
        wanted = {"limit": PAGE_LIMIT, **{name: value for name, value in query.items() if value is not None}}
        while len(rows) < ROWS_MAX:
            page = _sound(self._http.get(path, params=wanted)).json()
            rows += page["items"]
            if page["next_cursor"] is None:
                break
            wanted["cursor"] = page["next_cursor"]
        frame = pl.DataFrame(rows, infer_schema_length=None)
        typed = []
        for name, kind in frame.schema.items():
            if name in ("start", "at"):
                typed.append(pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC"))
            elif kind == pl.String and name not in _WORDS:
                typed.append(pl.col(name).cast(pl.Decimal(38, 9) if exact else pl.Float64))
        return frame.with_columns(typed)


def _sound(answer: httpx.Response) -> httpx.Response:
    if answer.status_code == 200:
        return answer
    told = answer.json()
    raise AskedWrong(f"{told['code']}: {told['message']}")
