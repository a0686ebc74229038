"""What a model is to predict. A target looks ahead by design: it is never a feature.

Source: triple barrier, López de Prado, "Advances in Financial Machine Learning" (2018), chapter 3.
"""

import polars as pl

from cift.features import kernels
from cift.features.column import Column, column, kernel


def forward_return(price: Column, rows: int) -> pl.Expr:
    """price in `rows` rows / price − 1, as a fraction. NaN in the last rows, whose future is unknown."""
    if rows < 1:
        raise ValueError(f"rows must be at least 1, got {rows}")
    later = column(price).shift(-rows)
    return (later / column(price) - 1.0).fill_null(float("nan"))


def triple_barrier(
    close: Column, width: Column, horizon: int, upper: float = 1.0, lower: float = 1.0
) -> pl.Expr:
    """Struct label, bars: 1 if close·(1 + upper·width) is reached first, −1 if close·(1 − lower·width), 0 if
    neither within `horizon` rows; and the rows until then. NaN where the future is unknown or width is NaN.

    width: a fraction for each row, for example a volatility.
    """
    names = ("label", "bars")
    return kernel(kernels.triple_barrier, [close, width], horizon, float(upper), float(lower), fields=names)
