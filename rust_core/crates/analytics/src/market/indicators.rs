//! Indicators over a series of prices: averages, bands, RSI, scaling.
//!
//! Each function writes one value per point into `out`, which has the length of the input. Values are NaN
//! until the window is full.
//!
//! Sources: RSI, Wilder, "New Concepts in Technical Trading Systems" (1978); Bollinger, "Bollinger
//! on Bollinger Bands" (2001), with the population deviation; EMA seeded with the first value (as
//! pandas and Polars do with `adjust=False`).

use crate::lanes::{mean, mean_and_deviation, squares_about, sum};
use crate::{same_length, LengthMismatch};

/// Simple moving average.
pub fn sma(x: &[f64], window: usize, out: &mut [f64]) -> Result<(), LengthMismatch> {
    rolling(x, window, out, mean, |sums, n| sums.total / n)
}

/// Moving standard deviation (population).
pub fn rolling_deviation(x: &[f64], window: usize, out: &mut [f64]) -> Result<(), LengthMismatch> {
    rolling(
        x,
        window,
        out,
        |window| mean_and_deviation(window, 0).1,
        Sums::deviation,
    )
}

/// Sums over a window. The squares are taken about a centre near the mean, to avoid cancellation.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    centre: f64,
    total: f64,
    about: f64,
    squares: f64,
}

impl Sums {
    fn of(window: &[f64]) -> Sums {
        let total = sum(window);
        let centre = total / window.len() as f64;
        // Summed as differences: `total − n·centre` would contain the rounding error of the total.
        let about = window.iter().map(|x| x - centre).sum();
        Sums {
            centre,
            total,
            about,
            squares: squares_about(window, centre),
        }
    }

    /// Moves the window by one point.
    fn slide(&mut self, removed: f64, added: f64) {
        let (removed_about, added_about) = (removed - self.centre, added - self.centre);
        self.total += added - removed;
        self.about += added_about - removed_about;
        self.squares += added_about * added_about - removed_about * removed_about;
    }

    fn deviation(&self, n: f64) -> f64 {
        let mean_about = self.about / n;
        // In a flat window rounding may leave a value slightly below zero.
        (self.squares / n - mean_about * mean_about).max(0.0).sqrt()
    }
}

/// Updates the sums from point to point and recomputes them every `window` points, so that rounding errors
/// do not accumulate. `recompute` yields the value of a whole window, `value` that of updated sums.
fn rolling(
    x: &[f64],
    window: usize,
    out: &mut [f64],
    recompute: impl Fn(&[f64]) -> f64,
    value: impl Fn(&Sums, f64) -> f64,
) -> Result<(), LengthMismatch> {
    same_length(x.len(), &[out.len()])?;
    if window == 0 || window > x.len() {
        out.fill(f64::NAN);
        return Ok(());
    }
    out[..window - 1].fill(f64::NAN);
    let mut sums = Sums::default();
    for last in window - 1..x.len() {
        let first = last + 1 - window;
        if first % window == 0 {
            sums = Sums::of(&x[first..=last]);
            out[last] = recompute(&x[first..=last]);
        } else {
            sums.slide(x[first - 1], x[last]);
            out[last] = value(&sums, window as f64);
        }
    }
    Ok(())
}

/// The smoothing factor of an EMA over `span` points: 2 / (span + 1).
pub fn smoothing(span: f64) -> f64 {
    2.0 / (span + 1.0)
}

/// Exponential moving average: y_0 = x_0, y_i = y_{i−1} + α·(x_i − y_{i−1}), α = 2 / (span + 1).
pub fn ema(x: &[f64], span: f64, out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(x.len(), &[out.len()])?;
    let alpha = smoothing(span);
    let Some(&first) = x.first() else { return Ok(()) };
    let mut average = first;
    for (out, x) in out.iter_mut().zip(x) {
        average += alpha * (x - average);
        *out = average;
    }
    Ok(())
}

/// Bollinger bands: the moving average and `width` population deviations below and above it.
pub fn bollinger(
    x: &[f64],
    window: usize,
    width: f64,
    lower: &mut [f64],
    middle: &mut [f64],
    upper: &mut [f64],
) -> Result<(), LengthMismatch> {
    same_length(x.len(), &[lower.len(), middle.len(), upper.len()])?;
    sma(x, window, middle)?;
    rolling_deviation(x, window, upper)?;
    for index in 0..x.len() {
        let reach = width * upper[index];
        lower[index] = middle[index] - reach;
        upper[index] = middle[index] + reach;
    }
    Ok(())
}

/// Relative strength index, 0..=100, with Wilder's smoothing. The averages start as the means of the first
/// `window` changes, so the first value is at index `window`. 100 if no price fell, 50 if no price changed.
pub fn rsi(x: &[f64], window: usize, out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(x.len(), &[out.len()])?;
    out.fill(f64::NAN);
    if window == 0 || x.len() <= window {
        return Ok(());
    }
    let n = window as f64;
    let (mut gain, mut loss) = (0.0, 0.0);
    for pair in x[..=window].windows(2) {
        let change = pair[1] - pair[0];
        gain += change.max(0.0) / n;
        loss += (-change).max(0.0) / n;
    }
    out[window] = strength(gain, loss);
    for index in window + 1..x.len() {
        let change = x[index] - x[index - 1];
        gain += (change.max(0.0) - gain) / n;
        loss += ((-change).max(0.0) - loss) / n;
        out[index] = strength(gain, loss);
    }
    Ok(())
}

fn strength(gain: f64, loss: f64) -> f64 {
    match gain + loss {
        0.0 => 50.0,
        moved => 100.0 * gain / moved,
    }
}

/// Scales to 0..=1: (x − min) / (max − min). NaN if all values are equal.
pub fn normalise(x: &[f64], out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(x.len(), &[out.len()])?;
    let low = x.iter().copied().fold(f64::INFINITY, f64::min);
    let high = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    for (out, x) in out.iter_mut().zip(x) {
        *out = (x - low) / (high - low);
    }
    Ok(())
}

/// Scales to mean 0 and population deviation 1. NaN if all values are equal.
pub fn standardise(x: &[f64], out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(x.len(), &[out.len()])?;
    let (mean, deviation) = mean_and_deviation(x, 0);
    for (out, x) in out.iter_mut().zip(x) {
        *out = (x - mean) / deviation;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(length: usize) -> Vec<f64> {
        (0..length).map(|i| 1e6 + ((i * 37) % 101) as f64 * 0.01).collect()
    }

    #[test]
    fn rolling_values_equal_those_of_each_window() {
        let x = series(300);
        let (mut average, mut deviation) = (vec![0.0; 300], vec![0.0; 300]);
        for window in [1, 2, 20, 300] {
            sma(&x, window, &mut average).unwrap();
            rolling_deviation(&x, window, &mut deviation).unwrap();
            for last in window - 1..300 {
                let (m, d) = mean_and_deviation(&x[last + 1 - window..=last], 0);
                assert!((average[last] - m).abs() < 1e-7, "mean, window {window} at {last}");
                assert!(
                    (deviation[last] - d).abs() < 1e-7,
                    "deviation, window {window} at {last}"
                );
            }
            assert!(average[..window - 1].iter().all(|x| x.is_nan()));
        }
        sma(&x, 301, &mut average).unwrap();
        assert!(average.iter().all(|x| x.is_nan()));
    }

    #[test]
    fn the_ema_matches_a_manual_calculation() {
        let mut out = [0.0; 3];
        ema(&[1.0, 2.0, 4.0], 3.0, &mut out).unwrap();
        assert_eq!(out, [1.0, 1.5, 2.75]);
    }

    #[test]
    fn the_rsi_matches_a_manual_calculation() {
        let mut out = [0.0; 5];
        rsi(&[10.0, 11.0, 10.0, 12.0, 12.0], 2, &mut out).unwrap();
        assert!(out[0].is_nan() && out[1].is_nan());
        // Averages: 0.5 / 0.5; then (0.5 + 2)/2 / 0.25; then 0.625 / 0.125.
        assert_eq!(out[2], 50.0);
        assert!((out[3] - 100.0 * 1.25 / 1.5).abs() < 1e-12);
        assert!((out[4] - 100.0 * 0.625 / 0.75).abs() < 1e-12);
        rsi(&[1.0; 5], 2, &mut out).unwrap();
        assert_eq!(out[4], 50.0);
    }

    #[test]
    fn bollinger_bands_are_symmetric_about_the_average() {
        let (mut low, mut mid, mut high) = ([0.0; 2], [0.0; 2], [0.0; 2]);
        bollinger(&[1.0, 3.0], 2, 2.0, &mut low, &mut mid, &mut high).unwrap();
        assert_eq!((low[1], mid[1], high[1]), (0.0, 2.0, 4.0));
    }

    #[test]
    fn normalised_and_standardised_values() {
        let mut out = [0.0; 3];
        normalise(&[2.0, 4.0, 3.0], &mut out).unwrap();
        assert_eq!(out, [0.0, 1.0, 0.5]);
        standardise(&[1.0, 3.0, 2.0], &mut out).unwrap();
        assert!((out[0] + 1.5f64.sqrt()).abs() < 1e-12 && out[2].abs() < 1e-12);
    }
}
