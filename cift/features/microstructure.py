"""Features of quotes, books and trades. Prices in currency units, quantities in units of the instrument.

Sides are those of the taker: 1 bought, −1 sold, 0 unknown. A `level` is the four columns bid, bid size,
ask, ask size.

Sources: order flow imbalance, Cont, Kukanov and Stoikov, Journal of Financial Econometrics 12 (2014), over
levels Xu, Gould and Howison, Market Microstructure and Liquidity 4 (2019); Lee and Ready, Journal of Finance
46 (1991); Kyle, Econometrica 53 (1985); VPIN, Easley, López de Prado and O'Hara, Review of Financial Studies
25 (2012); Amihud, Journal of Financial Markets 5 (2002); spreads, Huang and Stoll, Journal of Financial
Economics 41 (1996); book pressure, Cao, Hansch and Wang, Journal of Futures Markets 29 (2009).
"""

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import polars as pl

from cift.features import kernels
from cift.features.column import Column, Floats, column, kernel

Level: TypeAlias = tuple[Column, Column, Column, Column]
NAN = float("nan")


def vwap(price: Column, volume: Column, window: int) -> pl.Expr:
    """Σ price·volume / Σ volume of the last `window` rows. NaN without volume."""
    return kernel(kernels.ratio_of_sums, [price, volume], window)


def microprice(bid: Column, bid_size: Column, ask: Column, ask_size: Column) -> pl.Expr:
    """The mid, weighted by size: (bid·ask size + ask·bid size) / (bid size + ask size)."""
    b, bs, a, as_ = (column(x) for x in (bid, bid_size, ask, ask_size))
    return (b * as_ + a * bs) / (bs + as_)


def quoted_spread(bid: Column, ask: Column) -> pl.Expr:
    """ask − bid."""
    return column(ask) - column(bid)


def effective_spread(price: Column, mid: Column, side: Column) -> pl.Expr:
    """2·side·(price − mid): what the taker paid, in currency units. `mid` is that before the trade."""
    return 2.0 * column(side) * (column(price) - column(mid))


def realized_spread(price: Column, mid: Column, side: Column, rows: int) -> pl.Expr:
    """The realized spread of the trade `rows` rows before, 2·side'·(price' − mid): what its maker kept.

    It is known only now, so it stands in this row: it does not look ahead.
    """
    before = 2.0 * column(side).shift(rows) * (column(price).shift(rows) - column(mid))
    return before.fill_null(NAN)


def order_flow(bid: Column, bid_size: Column, ask: Column, ask_size: Column) -> pl.Expr:
    """The contribution e_n of each quote: growth of the bid less that of the ask. The first is null."""
    b, bs, a, as_ = (column(x) for x in (bid, bid_size, ask, ask_size))
    pb, pbs, pa, pas = (x.shift(1) for x in (b, bs, a, as_))

    def when(condition: pl.Expr, size: pl.Expr) -> pl.Expr:
        return pl.when(condition).then(size).otherwise(0.0)

    bids = when(b >= pb, bs) - when(b <= pb, pbs)
    asks = when(a <= pa, as_) - when(a >= pa, pas)
    return pl.when(pb.is_not_null()).then(bids - asks)


def ofi(bid: Column, bid_size: Column, ask: Column, ask_size: Column, window: int) -> pl.Expr:
    """Order flow imbalance: Σ of the last `window` contributions, in units of quantity."""
    flow = order_flow(bid, bid_size, ask, ask_size)
    return kernel(lambda x: kernels.rolling_mean(x, window) * window, [flow])


def multi_level_ofi(levels: Sequence[Level], window: int) -> pl.Expr:
    """Struct ofi_1, ofi_2, …: the OFI of each level, best first."""
    return pl.struct(*(ofi(*level, window).alias(f"ofi_{at}") for at, level in enumerate(levels, start=1)))


def weighted_ofi(bid: Column, bid_size: Column, ask: Column, ask_size: Column, keep: float) -> pl.Expr:
    """Σ keep^k · contribution k changes ago, 0 ≤ keep < 1."""
    if not 0.0 <= keep < 1.0:
        raise ValueError(f"keep must be at least 0 and below 1, got {keep}")
    return kernel(kernels.decayed_sum, [order_flow(bid, bid_size, ask, ask_size)], float(keep))


def book_pressure(levels: Sequence[Level], decay: float = 0.0) -> pl.Expr:
    """Σ w·(bid size − ask size) / Σ w·(both), w = exp(−decay·level): −1 (only asks) to 1 (only bids)."""
    weights = [math.exp(-decay * at) for at in range(len(levels))]
    bids = pl.sum_horizontal(
        *(weight * column(level[1]) for weight, level in zip(weights, levels, strict=True))
    )
    asks = pl.sum_horizontal(
        *(weight * column(level[3]) for weight, level in zip(weights, levels, strict=True))
    )
    return (bids - asks) / (bids + asks)


def book_slope(levels: Sequence[Level]) -> pl.Expr:
    """Struct bids, asks: the slope of cumulative quantity over the distance from the mid, Σ d·Q / Σ d²."""
    mid = (column(levels[0][0]) + column(levels[0][2])) / 2.0

    def slope(price_at: int) -> pl.Expr:
        depth, products, squares = pl.lit(0.0), pl.lit(0.0), pl.lit(0.0)
        for level in levels:
            depth = depth + column(level[price_at + 1])
            distance = (column(level[price_at]) - mid).abs()
            products, squares = products + distance * depth, squares + distance**2
        return products / squares

    return pl.struct(bids=slope(0), asks=slope(2))


def tick_rule(price: Column) -> pl.Expr:
    """The sign of the last change of the price that was not zero; 0 before the first."""
    sign = column(price).cast(pl.Float64).diff().sign()
    return pl.when(sign != 0).then(sign).forward_fill().fill_null(0.0)


def lee_ready(price: Column, bid: Column, ask: Column) -> pl.Expr:
    """1 above the mid, −1 below it, at the mid the tick rule. The quote is that before the trade."""
    mid = (column(bid) + column(ask)) / 2.0
    p = column(price)
    return pl.when(p > mid).then(1.0).when(p < mid).then(-1.0).otherwise(tick_rule(price))


def kyle_lambda(price: Column, signed_volume: Column, window: int) -> pl.Expr:
    """Slope of the price change on the signed volume, over `window` rows: currency units per unit traded."""

    def slope(volume: Floats, change: Floats) -> Floats:
        _, squares, products = kernels.rolling_moments(volume, change, window)
        with np.errstate(divide="ignore", invalid="ignore"):
            result: Floats = products / squares
        return result

    return kernel(slope, [signed_volume, column(price).cast(pl.Float64).diff()])


def vpin(volume: Column, side: Column, bucket: float, window: int = 50) -> pl.Expr:
    """Mean of |bought − sold| / bucket over the last `window` full buckets of `bucket` volume, 0 to 1."""
    if not bucket > 0.0:
        raise ValueError(f"bucket must be above 0, got {bucket}")
    return kernel(kernels.vpin, [volume, side], float(bucket), window)


def amihud(close: Column, notional: Column, window: int) -> pl.Expr:
    """Mean of |return| / traded notional over `window` bars, per currency unit. Bars must have trades."""
    impact = (column(close).cast(pl.Float64).pct_change().abs()) / column(notional)
    return kernel(kernels.rolling_mean, [impact], window)
