//! Average prices: VWAP and TWAP, whole and over a moving window.
//!
//! Sources: VWAP, Berkowitz, Logue and Noser, "The Total Cost of Transactions on the NYSE", Journal
//! of Finance 43 (1988); TWAP as the time integral of a piecewise constant price.

use crate::lanes::{mean, weighted_sums};
use crate::{same_length, LengthMismatch};

/// Volume-weighted average price: Σ p·v / Σ v. NaN without volume.
#[inline]
pub fn vwap(prices: &[f64], volumes: &[f64]) -> Result<f64, LengthMismatch> {
    same_length(prices.len(), &[volumes.len()])?;
    let (products, total) = weighted_sums(prices, volumes);
    Ok(if total == 0.0 { f64::NAN } else { products / total })
}

/// TWAP of samples at equal intervals: their mean. NaN of an empty slice.
pub fn twap_sampled(prices: &[f64]) -> f64 {
    mean(prices)
}

/// Time-weighted average price: Σ p_i·(t_{i+1} − t_i) / (end − t_0). Each price holds until the next one,
/// the last one until `end`. `times` and `end` are in ns and must not decrease; a decreasing
/// step subtracts from the sum. NaN if no time passes, except that a single point yields its price.
pub fn twap(prices: &[f64], times: &[i64], end: Option<i64>) -> Result<f64, LengthMismatch> {
    same_length(prices.len(), &[times.len()])?;
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else {
        return Ok(f64::NAN);
    };
    let end = end.unwrap_or(last);
    let mut area = 0.0;
    for (price, step) in prices.iter().zip(times.windows(2)) {
        area += price * step[1].wrapping_sub(step[0]) as f64;
    }
    area += prices[prices.len() - 1] * end.wrapping_sub(last) as f64;
    let span = end.wrapping_sub(first) as f64;
    Ok(match span == 0.0 && prices.len() == 1 {
        true => prices[0],
        false if span == 0.0 => f64::NAN,
        false => area / span,
    })
}

/// VWAP of the last `window` trades, for each trade. NaN until the window is full, and while it has no
/// volume. `out` has the length of the inputs.
///
/// The sums are updated from trade to trade and recomputed every `window` trades, so that rounding errors
/// do not accumulate.
pub fn rolling_vwap(prices: &[f64], volumes: &[f64], window: usize, out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(prices.len(), &[volumes.len(), out.len()])?;
    if window == 0 || window > prices.len() {
        out.fill(f64::NAN);
        return Ok(());
    }
    out[..window - 1].fill(f64::NAN);
    let (mut products, mut total) = (0.0, 0.0);
    for last in window - 1..prices.len() {
        let first = last + 1 - window;
        if first % window == 0 {
            (products, total) = weighted_sums(&prices[first..=last], &volumes[first..=last]);
        } else {
            let removed = first - 1;
            products += prices[last] * volumes[last] - prices[removed] * volumes[removed];
            total += volumes[last] - volumes[removed];
        }
        out[last] = if total == 0.0 { f64::NAN } else { products / total };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vwap_is_weighted_by_volume() {
        assert_eq!(vwap(&[10.0, 20.0], &[3.0, 1.0]), Ok(12.5));
        assert!(vwap(&[], &[]).unwrap().is_nan());
        assert!(vwap(&[10.0], &[0.0]).unwrap().is_nan());
        assert_eq!(vwap(&[1.0], &[]), Err(LengthMismatch { expected: 1, actual: 0 }));
    }

    #[test]
    fn twap_is_weighted_by_time() {
        assert_eq!(twap(&[10.0, 20.0, 99.0], &[0, 3, 4], None), Ok(12.5));
        assert_eq!(twap(&[10.0, 20.0], &[0, 3], Some(4)), Ok(12.5));
        assert_eq!(twap(&[10.0], &[5], None), Ok(10.0));
        assert!(twap(&[], &[], None).unwrap().is_nan());
        assert!(twap(&[1.0, 2.0], &[5, 5], None).unwrap().is_nan());
    }

    #[test]
    fn a_rolling_vwap_is_the_vwap_of_each_window() {
        let prices: Vec<f64> = (0..97).map(|i| 100.0 + (i * 13 % 7) as f64).collect();
        let volumes: Vec<f64> = (0..97).map(|i| 1.0 + (i * 11 % 5) as f64).collect();
        let mut out = vec![0.0; 97];
        for window in [1, 2, 10, 97] {
            rolling_vwap(&prices, &volumes, window, &mut out).unwrap();
            for last in 0..97 {
                if last + 1 < window {
                    assert!(out[last].is_nan());
                } else {
                    let range = last + 1 - window..=last;
                    let whole = vwap(&prices[range.clone()], &volumes[range]).unwrap();
                    assert!((out[last] - whole).abs() < 1e-9, "window {window} at {last}");
                }
            }
        }
    }
}
