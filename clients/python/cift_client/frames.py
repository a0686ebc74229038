"""Responses as data frames of polars or pandas; neither is needed by the rest of the package.

    client.frames.bars("SPY", interval="5m", start=…)        # polars
    client.frames.ticks("SPY", kind="trades", start=…)       # every tick; Parquet over the wire; polars
    to_pandas(client.portfolio.each_of_closed_trades())      # any list of models

Times are UTC timestamps to the microsecond. Amounts are float64 or, with `exact=True`, decimals.
"""

import io
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

from cift_client.model import Model, Time
from cift_client.models_gen import BarView

if TYPE_CHECKING:
    import pandas
    import polars

    from cift_client.client import Client

PAGE_LIMIT = 500
SCALE = 9
"""Decimals of an amount."""
PRECISION = 38


def to_polars(items: Iterable[Model], *, exact: bool = False) -> "polars.DataFrame":
    """A row per item, with the fields of its model as columns. No items: no columns."""
    import polars as pl

    columns = _columns(items)
    frame: dict[str, Any] = {}
    for name, values in columns.items():
        kind = _kind(values)
        if kind is Decimal:
            exact_type = pl.Decimal(PRECISION, SCALE)
            series = pl.Series(name, values, dtype=exact_type)
            frame[name] = series if exact else series.cast(pl.Float64)
        elif kind is datetime:
            frame[name] = pl.Series(name, values, dtype=pl.Datetime("us", "UTC"))
        else:
            frame[name] = pl.Series(name, values, strict=False)
    return pl.DataFrame(frame)


def to_pandas(items: Iterable[Model], *, exact: bool = False) -> "pandas.DataFrame":
    """The same for pandas. Exact amounts are a column of `Decimal` objects."""
    import pandas as pd

    frame: dict[str, Any] = {}
    for name, values in _columns(items).items():
        kind = _kind(values)
        if kind is Decimal and not exact:
            frame[name] = pd.Series(
                [None if each is None else float(each) for each in values], dtype="float64"
            )
        elif kind is datetime:
            frame[name] = pd.to_datetime(pd.Series(values), utc=True)
        else:
            frame[name] = pd.Series(values, dtype=object if kind in (Decimal, None) else None)
    return pd.DataFrame(frame)


class Frames:
    """History as polars frames. `start` and `end` are times, `end` is not included."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def bars(
        self,
        symbol: str,
        *,
        start: Time | None = None,
        limit: int | None = None,
        end: Time | None = None,
        exact: bool = False,
        **query: Any,
    ) -> "polars.DataFrame":
        """Bars, oldest first: of a range or, without `start`, the last `limit` (500).

        Args:
            query: further parameters of `history.list_bars`, such as `interval="5m"`.
        """
        history = self._client.history
        if start is not None:
            bars = history.each_of_bars(symbol, start=start, end=end, **query)
            return to_polars(islice(bars, limit), exact=exact)
        items, wanted = list[BarView](), limit or PAGE_LIMIT
        while len(items) < wanted:
            size = min(PAGE_LIMIT, wanted - len(items))
            found = history.list_bars(symbol, end=end, limit=size, **query).items
            items = found + items
            if len(found) < size:
                break
            end = found[0].start
        return to_polars(items, exact=exact)

    def ticks(self, symbol: str, *, exact: bool = False, **query: Any) -> "polars.DataFrame":
        """Every tick of a range. `query`: parameters of `history.get_history`, such as `kind` and `feed`."""
        import polars as pl
        from polars import selectors

        content = self._client.history.get_history(symbol, format="parquet", **query)
        frame = pl.read_parquet(io.BytesIO(content))
        return frame if exact else frame.with_columns(selectors.decimal().cast(pl.Float64))


def _columns(items: Iterable[Model]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for item in items:
        for name, value in item:
            columns.setdefault(name, []).append(value.model_dump() if isinstance(value, Model) else value)
    return columns


def _kind(values: list[Any]) -> type | None:
    """The type of the first value that is not None."""
    return next((type(each) for each in values if each is not None), None)
