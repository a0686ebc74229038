//! The shape of a book: the imbalance of its sides, and how its depth grows with the distance from the mid.
//!
//! Sources: depth imbalance, Cao, Hansch and Wang, "The information content of an open limit-order
//! book", Journal of Futures Markets 29 (2009); elasticity, Næs and Skjeltorp, "Order book
//! characteristics and the volume-volatility relation", Journal of Financial Markets 9 (2006).
//! Levels are given best first.

use crate::{same_length, LengthMismatch};

/// Book pressure: Σ w_m·(qb_m − qa_m) / Σ w_m·(qb_m + qa_m) with w_m = exp(−decay·m), where m = 0 is the
/// best level. From −1 (only asks) to 1 (only bids). The sides may differ in length. NaN of an empty book.
pub fn book_pressure(bid_sizes: &[f64], ask_sizes: &[f64], decay: f64) -> f64 {
    let weigh = |sizes: &[f64]| -> f64 {
        let step = (-decay).exp();
        let (mut weight, mut total) = (1.0, 0.0);
        for size in sizes {
            total += weight * size;
            weight *= step;
        }
        total
    };
    let (bids, asks) = (weigh(bid_sizes), weigh(ask_sizes));
    (bids - asks) / (bids + asks)
}

/// Depth slope of one side: the least-squares line through the origin of cumulative quantity over distance
/// from `mid`, Σ d·Q / Σ d², in quantity per currency unit. A steep slope means a deep book. NaN of an
/// empty side, or if all distances are 0.
pub fn book_slope(prices: &[f64], sizes: &[f64], mid: f64) -> Result<f64, LengthMismatch> {
    same_length(prices.len(), &[sizes.len()])?;
    let (mut cumulative, mut products, mut squares) = (0.0, 0.0, 0.0);
    for (price, size) in prices.iter().zip(sizes) {
        cumulative += size;
        let distance = (price - mid).abs();
        products += distance * cumulative;
        squares += distance * distance;
    }
    Ok(products / squares)
}

/// Elasticity of one side after Næs and Skjeltorp:
/// `1/N · { v_1/|p_1/mid − 1| + Σ_{m=1}^{N−1} (v_{m+1}/v_m − 1) / |p_{m+1}/p_m − 1| }`, v = ln of the
/// cumulative quantity. The paper averages both sides. Quantities must be above 1 to have a positive
/// logarithm: use shares or lots. NaN of an empty side.
pub fn book_elasticity(prices: &[f64], sizes: &[f64], mid: f64) -> Result<f64, LengthMismatch> {
    same_length(prices.len(), &[sizes.len()])?;
    let (mut cumulative, mut total) = (0.0, 0.0);
    let (mut last_price, mut last_log) = (mid, f64::NAN);
    for (level, (&price, size)) in prices.iter().zip(sizes).enumerate() {
        cumulative += size;
        let log = f64::ln(cumulative);
        let growth = if level == 0 { log } else { log / last_log - 1.0 };
        total += growth / (price / last_price - 1.0).abs();
        (last_price, last_log) = (price, log);
    }
    Ok(if prices.is_empty() {
        f64::NAN
    } else {
        total / prices.len() as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pressure_is_the_weighted_imbalance_of_the_sides() {
        assert_eq!(book_pressure(&[3.0], &[1.0], 0.0), 0.5);
        assert_eq!(book_pressure(&[1.0, 1.0], &[], 0.7), 1.0);
        let half = std::f64::consts::LN_2;
        assert!((book_pressure(&[1.0, 2.0], &[1.0, 0.0], half) - 1.0 / 3.0).abs() < 1e-12);
        assert!(book_pressure(&[], &[], 0.0).is_nan());
    }

    #[test]
    fn a_linear_book_has_its_slope() {
        // 5 more at each further tick of 0.5: cumulative 5, 10, 15 at 0.5, 1.0, 1.5.
        assert_eq!(book_slope(&[9.5, 9.0, 8.5], &[5.0, 5.0, 5.0], 10.0), Ok(10.0));
        assert!(book_slope(&[], &[], 10.0).unwrap().is_nan());
    }

    #[test]
    fn elasticity_matches_a_manual_calculation() {
        let e = std::f64::consts::E;
        // v = 1, then 2; price steps of 1 % and then 1/101.
        let actual = book_elasticity(&[101.0, 102.0], &[e, e * e - e], 100.0).unwrap();
        let expected = 0.5 * (1.0 / 0.01 + (2.0 - 1.0) / (102.0 / 101.0 - 1.0));
        assert!((actual / expected - 1.0).abs() < 1e-9);
    }
}
