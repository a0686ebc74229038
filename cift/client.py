"""The exchange's history as data frames, for notebooks.

    from cift.client import Market

    market = Market()                                        # CIFT_URL, else http://127.0.0.1:8000
    market.bars("SPY", interval="5m", feed="lean", start="2013-10-07T00:00:00Z")
    market.history("SPY", feed="lean", start=…, end=…)       # every tick; as Parquet over the wire
    market.analytics("spread/SPY", interval="1m", start=…)   # or order-flow/…, volume-profile/…, executions

Frames are polars frames. Times are UTC timestamps; prices and quantities are float64, or with `exact=True`
decimals. Needs polars and httpx, which `make setup` installs.
"""

import io
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    import polars as pl

TIMEOUT_S = 120.0
PAGE_LIMIT = 500
ROWS_MAX = 1_000_000
_TEXT_COLUMNS = {"symbol", "side", "liquidity", "order_id"}


class ApiError(Exception):
    """The exchange refused a request; its code and message."""


class Market:
    """The history of one exchange."""

    def __init__(self, url: str | None = None, api_key: str | None = None) -> None:
        key = api_key or os.environ.get("CIFT_API_KEY")
        self._http = httpx.Client(
            base_url=(url or os.environ.get("CIFT_URL") or "http://127.0.0.1:8000") + "/api/v1",
            headers={"X-API-Key": key} if key else {},
            timeout=TIMEOUT_S,
        )

    def bars(self, symbol: str, *, exact: bool = False, **query: Any) -> "pl.DataFrame":
        """All bars of a range, oldest first. `query`: the parameters of `GET market-data/bars`. Without
        `start`, the last `limit` bars that exist (default 500).

        Raises:
            ApiError: the exchange refused the request.
        """
        return self._pages(f"/market-data/bars/{quote(symbol, safe='')}", query, exact)

    def analytics(self, path: str, *, exact: bool = False, **query: Any) -> "pl.DataFrame":
        """All pages of `GET analytics/<path>`; without `start` of the last day. Raises ApiError."""
        if query.get("start") is None and query.get("end") is None and not path.startswith("executions"):
            query["start"] = (datetime.now(UTC) - timedelta(days=1)).isoformat()
        return self._pages(f"/analytics/{path}", query, exact)

    def history(self, symbol: str, *, exact: bool = False, **query: Any) -> "pl.DataFrame":
        """Every tick of a range. `query`: the parameters of `GET market-data/history`. Raises ApiError."""
        import polars as pl
        from polars import selectors

        path = f"/market-data/history/{quote(symbol, safe='')}"
        answer = self._http.get(path, params={**query, "format": "parquet"})
        frame = pl.read_parquet(io.BytesIO(_checked(answer).content))
        return frame if exact else frame.with_columns(selectors.decimal().cast(pl.Float64))

    def _pages(self, path: str, query: dict[str, Any], exact: bool) -> "pl.DataFrame":
        if path.startswith("/market-data/bars") and query.get("start") is None:
            return _frame(self._last(path, query), exact)
        rows: list[dict[str, Any]] = []
        wanted = {"limit": PAGE_LIMIT, **{name: value for name, value in query.items() if value is not None}}
        while len(rows) < ROWS_MAX:
            page = _checked(self._http.get(path, params=wanted)).json()
            rows += page["items"]
            if page["next_cursor"] is None:
                break
            wanted["cursor"] = page["next_cursor"]
        return _frame(rows, exact)

    def _last(self, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
        """The last `limit` rows, oldest first, from as many pages as needed."""
        wanted = {name: value for name, value in query.items() if value is not None}
        limit, rows = int(wanted.pop("limit", PAGE_LIMIT)), list[dict[str, Any]]()
        while len(rows) < limit:
            wanted["limit"] = min(PAGE_LIMIT, limit - len(rows))
            found = _checked(self._http.get(path, params=wanted)).json()["items"]
            rows = found + rows
            if len(found) < wanted["limit"]:
                break
            wanted["end"] = found[0]["start"]
        return rows


def _frame(rows: list[dict[str, Any]], exact: bool) -> "pl.DataFrame":
    import polars as pl

    frame = pl.DataFrame(rows, infer_schema_length=None)
    typed = []
    for name, kind in frame.schema.items():
        if name in ("start", "at"):
            typed.append(pl.col(name).str.to_datetime(time_unit="us", time_zone="UTC"))
        elif kind == pl.String and name not in _TEXT_COLUMNS:
            typed.append(pl.col(name).cast(pl.Decimal(38, 9) if exact else pl.Float64))
    return frame.with_columns(typed)


def _checked(answer: httpx.Response) -> httpx.Response:
    """The answer. Raises ApiError if it is an error."""
    if answer.status_code == 200:
        return answer
    error = answer.json()
    raise ApiError(f"{error['code']}: {error['message']}")
