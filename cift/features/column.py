"""Kernels as polars expressions."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Column: TypeAlias = str | pl.Expr
"""The name of a column, or an expression."""


def column(x: Column) -> pl.Expr:
    return pl.col(x) if isinstance(x, str) else x


def kernel(
    function: Callable[..., Any], inputs: Sequence[Column], *parameters: Any, fields: Sequence[str] = ()
) -> pl.Expr:
    """An expression that applies `function` to the inputs as float64 arrays.

    The first rows in which an input is null or NaN are left out, and their result is NaN: so a feature can
    be computed of another feature. With `fields` the function returns a row for each, and the
    result is a struct.     Use `.over("symbol")` if a frame has several symbols.

    Raises:
        ValueError: an input is null or NaN after its first valid row.
    """

    def apply(series: Sequence[pl.Series]) -> pl.Series:
        arrays = [np.ascontiguousarray(one.cast(pl.Float64).to_numpy(), np.float64) for one in series]
        invalid = np.flatnonzero(np.logical_or.reduce([np.isnan(array) for array in arrays]))
        begins = len(invalid)
        if begins and invalid[-1] != begins - 1:
            row = int(invalid[np.flatnonzero(invalid != np.arange(begins))[0]])
            raise ValueError(f"a value in row {row} is null or NaN: drop or fill such rows first")
        results = function(*(array[begins:] for array in arrays), *parameters)
        padding = np.full(begins, np.nan)
        padded = [np.concatenate([padding, one]) for one in (results if fields else [results])]
        if not fields:
            return pl.Series(padded[0])
        return pl.DataFrame(dict(zip(fields, padded, strict=True))).to_struct()

    dtype: Any = pl.Struct(dict.fromkeys(fields, pl.Float64)) if fields else pl.Float64
    return pl.map_batches([column(x) for x in inputs], apply, return_dtype=dtype)
