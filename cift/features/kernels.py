"""Features over whole columns, as Numba kernels: float64 arrays in, one new array out.

A kernel with several outputs returns an array with a row for each. NumPy allocates large results, because it
asks for huge pages.

Sums over a window are recomputed at the start of each segment, about a centre near its values, so that
rounding errors stay below 1e-12 of the values. After a jump of k deviations a variance has a relative error
of about k²·1e-16, until the next segment. Recurrences are written `keep·y + part·x`, one fused operation.
Extremes of a window come from log2(window) vectorised passes.

Loops run over slices from index 0: an index that might be negative costs Numba a test at each access, and
keeps LLVM from using vector registers.

An output is NaN until its window is full. Inputs have no NaN; `cift.features.column` takes care of that.
The same features, updated with each tick, are in rust_core/crates/analytics/src/incremental.
"""

from typing import Any

import numpy as np
from numba import njit

from cift.features.column import Floats

SEGMENT_MIN = 256
CACHED = 1_024
"""Points whose temporary values stay in the first cache."""
compiled = njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy")


def rolling_mean(x: Floats, window: int) -> Floats:
    return _mean(x, window, np.empty(x.size))


@compiled
def _mean(x: Floats, window: int, out: Floats) -> Floats:
    n = x.size
    out[: window - 1] = np.nan
    segment = max(SEGMENT_MIN, 4 * window) + 1
    part = 1.0 / window
    for start in range(window - 1, n, segment):
        total = 0.0
        for value in x[start + 1 - window : start + 1]:
            total += value
        out[start] = total * part
        first, stop = start + 1, min(start + segment, n)
        fours = (stop - first) // 4
        middle = first + 4 * fours
        added = x[first:middle].reshape(fours, 4)
        removed = x[first - window : middle - window].reshape(fours, 4)
        means = out[first:middle].reshape(fours, 4)
        for i in range(fours):
            a = added[i, 0] - removed[i, 0]
            b = a + (added[i, 1] - removed[i, 1])
            c = added[i, 2] - removed[i, 2]
            d = c + (added[i, 3] - removed[i, 3])
            means[i, 0] = (total + a) * part
            means[i, 1] = (total + b) * part
            means[i, 2] = (total + (b + c)) * part
            total += b + d
            means[i, 3] = total * part
        for i in range(middle, stop):
            total += x[i] - x[i - window]
            out[i] = total * part
    return out


@compiled
def rolling_moments(x: Floats, y: Floats, window: int) -> tuple[Floats, Floats, Floats]:
    """Mean of x, Σ (x − mean)², Σ (x − mean x)·(y − mean y) of each window."""
    n = x.size
    mean, squares, products = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    segment = max(SEGMENT_MIN, 4 * window)
    part = 1.0 / window
    for start in range(window - 1, n, segment):
        cx = cy = 0.0
        for i in range(start + 1 - window, start + 1):
            cx += x[i]
            cy += y[i]
        cx *= part
        cy *= part
        sx = sy = sxx = sxy = 0.0
        same = 0
        for i in range(start + 1 - window, start + 1):
            dx, dy = x[i] - cx, y[i] - cy
            sx += dx
            sy += dy
            sxx += dx * dx
            sxy += dx * dy
        for i in range(start, min(start + segment, n)):
            if i > start:
                dx, dy = x[i] - cx, y[i] - cy
                ox, oy = x[i - window] - cx, y[i - window] - cy
                sx += dx - ox
                sy += dy - oy
                sxx += dx * dx - ox * ox
                sxy += dx * dy - ox * oy
                same = same + 1 if x[i] == x[i - 1] else 1
            else:
                while same < window and x[i - same] == x[i]:
                    same += 1
            mean[i] = cx + sx * part
            # Rounding errors of a flat window would dominate its moments.
            squares[i] = max(sxx - sx * sx * part, 0.0) if same < window else 0.0
            products[i] = sxy - sx * sy * part if same < window else 0.0
    return mean, squares, products


def rolling_variance(x: Floats, window: int) -> Floats:
    """Rows: mean and population variance of each window."""
    out = np.empty((2, x.size))
    _variance(x, window, out[0], out[1])
    return out


@compiled
def _variance(x: Floats, window: int, mean: Floats, variance: Floats) -> None:
    n = x.size
    mean[: window - 1] = variance[: window - 1] = np.nan
    segment = max(SEGMENT_MIN, 4 * window)
    part = 1.0 / window
    for start in range(window - 1, n, segment):
        centre = 0.0
        for value in x[start + 1 - window : start + 1]:
            centre += value
        centre *= part
        total = squares = 0.0
        for value in x[start + 1 - window : start + 1]:
            total += value - centre
            squares += (value - centre) * (value - centre)
        about = total * part
        mean[start] = centre + about
        variance[start] = max(squares * part - about * about, 0.0)
        first, stop = start + 1, min(start + segment, n)
        added, removed = x[first:stop], x[first - window : stop - window]
        means, variances = mean[first:stop], variance[first:stop]
        same = 0
        last = x[start]
        while same < window and x[start - same] == last:
            same += 1
        if same == window:
            variance[start] = 0.0
        for i in range(added.size):
            change = added[i] - removed[i]
            total += change
            squares += change * ((added[i] - centre) + (removed[i] - centre))
            about = total * part
            same = same + 1 if added[i] == last else 1
            last = added[i]
            spread = max(squares * part - about * about, 0.0)
            # Rounding errors of a flat window would dominate its deviation, or the root of its mean.
            variances[i] = spread if same < window else 0.0
            means[i] = centre + about if same < window else last


@compiled
def _bollinger(x: Floats, window: int, width: float, out: Floats) -> Floats:
    lower, middle, upper = out[0], out[1], out[2]
    _variance(x, window, middle, upper)
    for i in range(x.size):
        reach = width * np.sqrt(upper[i])
        lower[i] = middle[i] - reach
        upper[i] = middle[i] + reach
    return out


def bollinger(x: Floats, window: int, width: float) -> Floats:
    """Rows: lower, middle, upper."""
    return _bollinger(x, window, width, np.empty((3, x.size)))


@compiled
def _larger(x: Floats, y: Floats, out: Floats) -> None:
    for i in range(out.size):
        out[i] = x[i] if x[i] > y[i] else y[i]


@compiled
def _smaller(x: Floats, y: Floats, out: Floats) -> None:
    for i in range(out.size):
        out[i] = x[i] if x[i] < y[i] else y[i]


@compiled
def _extremes(x: Floats, window: int, largest: bool, buffers: Floats) -> Floats:
    """The largest, or smallest, value of each full window of x, in one of the two buffers or in x."""
    best = x
    covered = 1
    turn = 0
    while covered < window:
        shift = min(covered, window - covered)
        after = buffers[turn, : best.size - shift]
        if largest:
            _larger(best[: after.size], best[shift:], after)
        else:
            _smaller(best[: after.size], best[shift:], after)
        best = after
        covered += shift
        turn = 1 - turn
    return best


@compiled
def _decay(x: Floats, out: Floats, value: float, part: float) -> float:
    """out = (1 − part)·out + part·x, from `value` on. Returns the last. Four points a turn."""
    keep = 1.0 - part
    keep2, keep3, keep4 = keep**2, keep**3, keep**4
    fours = x.size // 4
    xs, outs = x[: 4 * fours].reshape(fours, 4), out[: 4 * fours].reshape(fours, 4)
    for i in range(fours):
        a = part * xs[i, 0]
        b = keep * a + part * xs[i, 1]
        c = keep * b + part * xs[i, 2]
        d = keep * c + part * xs[i, 3]
        outs[i, 0] = keep * value + a
        outs[i, 1] = keep2 * value + b
        outs[i, 2] = keep3 * value + c
        value = keep4 * value + d
        outs[i, 3] = value
    for i in range(4 * fours, x.size):
        value = keep * value + part * x[i]
        out[i] = value
    return value


@compiled
def ema(x: Floats, span: float) -> Floats:
    """y₀ = x₀, y += α·(x − y), α = 2 / (span + 1)."""
    out = np.empty(x.size)
    if x.size > 0:
        _decay(x, out, x[0], 2.0 / (span + 1.0))
    return out


def macd(x: Floats, fast: float, slow: float, signal: float) -> Floats:
    """Rows: line, signal, histogram."""
    return _macd(x, fast, slow, signal, np.empty((3, x.size)))


@compiled
def _macd(x: Floats, fast: float, slow: float, signal: float, out: Floats) -> Floats:
    n = x.size
    lines, signals, histogram = out[0], out[1], out[2]
    if n == 0:
        return out
    a, b, c = 2.0 / (fast + 1.0), 2.0 / (slow + 1.0), 2.0 / (signal + 1.0)
    keep_a, keep_b, keep_c = 1.0 - a, 1.0 - b, 1.0 - c
    quick = lazy = x[0]
    smooth = 0.0
    for i in range(n):
        quick = keep_a * quick + a * x[i]
        lazy = keep_b * lazy + b * x[i]
        line = quick - lazy
        smooth = keep_c * smooth + c * line
        lines[i] = line
        signals[i] = smooth
        histogram[i] = line - smooth
    return out


@compiled
def rsi(x: Floats, window: int) -> Floats:
    n = x.size
    out = np.empty(n)
    out[: window + 1] = np.nan
    if n <= window:
        return out
    part = 1.0 / window
    gain = moved = 0.0
    for i in range(1, window + 1):
        change = x[i] - x[i - 1]
        gain += max(change, 0.0) * part
        moved += abs(change) * part
    out[window] = 50.0 if moved == 0.0 else 100.0 * gain / moved
    gains, moves = np.empty(CACHED), np.empty(CACHED)
    for start in range(window + 1, n, CACHED):
        stop = min(start + CACHED, n)
        here, before, result = x[start:stop], x[start - 1 : stop - 1], out[start:stop]
        for i in range(here.size):
            change = here[i] - before[i]
            gains[i] = change if change > 0.0 else 0.0
            moves[i] = abs(change)
        gain = _decay(gains[: here.size], gains[: here.size], gain, part)
        moved = _decay(moves[: here.size], moves[: here.size], moved, part)
        for i in range(here.size):
            result[i] = 50.0 if moves[i] == 0.0 else 100.0 * gains[i] / moves[i]
    return out


def atr(high: Floats, low: Floats, close: Floats, window: int) -> Floats:
    return _atr(high, low, close, window, np.empty(high.size))


@compiled
def _atr(high: Floats, low: Floats, close: Floats, window: int, out: Floats) -> Floats:
    n = high.size
    out[:window] = np.nan
    if n <= window:
        return out
    part = 1.0 / window
    value = 0.0
    for i in range(1, window + 1):
        value += part * (max(high[i], close[i - 1]) - min(low[i], close[i - 1]))
    out[window] = value
    ranges = np.empty(CACHED)
    for start in range(window + 1, n, CACHED):
        stop = min(start + CACHED, n)
        top, bottom, last = high[start:stop], low[start:stop], close[start - 1 : stop - 1]
        for i in range(top.size):
            highest = top[i] if top[i] > last[i] else last[i]
            ranges[i] = highest - (bottom[i] if bottom[i] < last[i] else last[i])
        value = _decay(ranges[: top.size], out[start:stop], value, part)
    return out


def adx(high: Floats, low: Floats, close: Floats, window: int) -> Floats:
    """Rows: +DI, −DI and ADX."""
    return _adx(high, low, close, window, np.full((3, high.size), np.nan))


@compiled
def _adx(high: Floats, low: Floats, close: Floats, window: int, out: Floats) -> Floats:
    n = high.size
    plus, minus, index = out[0], out[1], out[2]
    part = 1.0 / window
    keep = 1.0 - part
    span = up = down = average = 0.0
    for i in range(1, n):
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        last = close[i - 1]
        width = max(high[i], last) - min(low[i], last)
        gained = rise if rise > fall and rise > 0.0 else 0.0
        lost = fall if fall > rise and fall > 0.0 else 0.0
        if i <= window:
            span += part * width
            up += part * gained
            down += part * lost
            if i < window:
                continue
        else:
            span = keep * span + part * width
            up = keep * up + part * gained
            down = keep * down + part * lost
        scale = 100.0 / span if span > 0.0 else 0.0
        plus[i], minus[i] = up * scale, down * scale
        both = plus[i] + minus[i]
        directed = 100.0 * abs(plus[i] - minus[i]) / both if both > 0.0 else 0.0
        if i < 2 * window:
            average += part * directed
            if i == 2 * window - 1:
                index[i] = average
        else:
            average = keep * average + part * directed
            index[i] = average
    return out


def stochastic(high: Floats, low: Floats, close: Floats, window: int, smooth: int, signal: int) -> Floats:
    """Rows: %K smoothed by a mean of `smooth`, and %D, its mean of `signal`."""
    out = np.full((2, close.size), np.nan)
    if close.size >= window:
        _stochastic(high, low, close, window, out[1])
        raw, k, d = out[1, window - 1 :], out[0, window - 1 :], out[1, window - 1 :]
        if raw.size >= smooth:
            _mean(raw, smooth, k)
            out[1] = np.nan
            if raw.size >= smooth + signal - 1:
                _mean(k[smooth - 1 :], signal, d[smooth - 1 :])
        else:
            out[1] = np.nan
    return out


@compiled
def _stochastic(high: Floats, low: Floats, close: Floats, window: int, out: Floats) -> None:
    tops, bottoms = np.empty((2, CACHED + window)), np.empty((2, CACHED + window))
    for start in range(window - 1, close.size, CACHED):
        stop = min(start + CACHED, close.size)
        top = _extremes(high[start + 1 - window : stop], window, True, tops)
        bottom = _extremes(low[start + 1 - window : stop], window, False, bottoms)
        last, raw = close[start:stop], out[start:stop]
        for i in range(raw.size):
            width = top[i] - bottom[i]
            raw[i] = 50.0 if width == 0.0 else 100.0 * (last[i] - bottom[i]) / width


@compiled
def normalise(x: Floats, window: int) -> Floats:
    out = np.full(x.size, np.nan)
    tops, bottoms = np.empty((2, CACHED + window)), np.empty((2, CACHED + window))
    for start in range(window - 1, x.size, CACHED):
        stop = min(start + CACHED, x.size)
        top = _extremes(x[start + 1 - window : stop], window, True, tops)
        bottom = _extremes(x[start + 1 - window : stop], window, False, bottoms)
        here, result = x[start:stop], out[start:stop]
        for i in range(result.size):
            result[i] = (here[i] - bottom[i]) / (top[i] - bottom[i])
    return out


@compiled
def ratio_of_sums(x: Floats, weights: Floats, window: int) -> Floats:
    """Σ x·w / Σ w of each window."""
    n = x.size
    out = np.full(n, np.nan)
    segment = max(SEGMENT_MIN, 4 * window)
    for start in range(window - 1, n, segment):
        top = bottom = 0.0
        for i in range(start + 1 - window, start + 1):
            top += x[i] * weights[i]
            bottom += weights[i]
        out[start] = top / bottom
        first, stop = start + 1, min(start + segment, n)
        xs, ws, result = x[first:stop], weights[first:stop], out[first:stop]
        old_xs, old_ws = x[first - window : stop - window], weights[first - window : stop - window]
        for i in range(xs.size):
            top += xs[i] * ws[i] - old_xs[i] * old_ws[i]
            bottom += ws[i] - old_ws[i]
            result[i] = top / bottom
    return out


@compiled
def decayed_sum(x: Floats, keep: float) -> Floats:
    """y = keep·y + x."""
    out = np.empty_like(x)
    value = 0.0
    for i in range(x.size):
        value = keep * value + x[i]
        out[i] = value
    return out


@compiled
def vpin(volume: Floats, side: Floats, bucket: float, window: int) -> Floats:
    """Mean of |bought − sold| / bucket over the last full buckets, after each trade."""
    ring = np.zeros(window)
    out = np.full(volume.size, np.nan)
    filled = signed = total = 0.0
    count = 0
    for i in range(volume.size):
        left = volume[i]
        while filled + left >= bucket:
            part = bucket - filled
            imbalance = abs(signed + part * side[i]) / bucket
            at = count % window
            total += imbalance - ring[at]
            ring[at] = imbalance
            count += 1
            if count % window == 0:
                total = np.sum(ring)
            left -= part
            filled = signed = 0.0
        filled += left
        signed += left * side[i]
        if count >= window:
            out[i] = total / window
    return out


@compiled
def triple_barrier(
    close: Floats, width: Floats, horizon: int, upper: float, lower: float
) -> tuple[Floats, Floats]:
    """The first barrier that each point reaches (1, −1; 0 the horizon) and the number of bars until then."""
    n = close.size
    label, bars = np.full(n, np.nan), np.full(n, np.nan)
    for i in range(n):
        top, bottom = close[i] * (1.0 + upper * width[i]), close[i] * (1.0 - lower * width[i])
        if not top >= bottom:
            continue
        for j in range(i + 1, min(i + horizon + 1, n)):
            if close[j] >= top or close[j] <= bottom:
                label[i] = 1.0 if close[j] >= top else -1.0
                bars[i] = j - i
                break
        else:
            if i + horizon < n:
                label[i], bars[i] = 0.0, horizon
    return label, bars


@compiled
def groups_by_size(amount: Floats, size: float, absolute: bool) -> Any:
    """The number of each row's bar. A bar ends where its Σ amount, or |Σ amount|, reaches `size`."""
    out = np.empty(amount.size, np.int64)
    total = 0.0
    group = 0
    for i in range(amount.size):
        total += amount[i]
        out[i] = group
        if (abs(total) if absolute else total) >= size:
            group += 1
            total = 0.0
    return out
