//! Models of value at risk beyond the sample and the normal distribution.
//!
//! Sources: Cornish and Fisher (1938), as in Favre and Galeano, "Mean-modified value-at-risk optimization
//! with hedge funds", Journal of Alternative Investments 5 (2002); its expected shortfall, Boudt, Peterson
//! and Croux, Journal of Risk 11 (2008), by integration here; filtered historical simulation, Barone-Adesi,
//! Giannopoulos and Vosper, Journal of Futures Markets 19 (1999), with the volatility of RiskMetrics (1996).
//!
//! Results are positive losses in the units of the returns, as in [`super::value_at_risk`].

use super::normal::quantile;
use super::value_at_risk::{historical, TailRisk};
use crate::lanes::mean_and_deviation;

/// Points of the integral of the expected shortfall.
const STEPS: usize = 1_000;

const UNDEFINED: TailRisk = TailRisk {
    value_at_risk: f64::NAN,
    expected_shortfall: f64::NAN,
};

/// VaR and ES of a distribution with the mean, deviation, skewness s and excess kurtosis k of the sample:
/// z' = z + (z² − 1)·s/6 + (z³ − 3z)·k/24 − (2z³ − 5z)·s²/36 at z = quantile(alpha), VaR = −(μ + σ·z'). ES
/// is the mean of the quantiles below alpha. NaN if there are fewer than four returns, or no deviation.
/// Valid for moderate s and k only: the quantile must not decrease.
pub fn cornish_fisher(returns: &[f64], confidence: f64) -> TailRisk {
    let (mean, deviation) = mean_and_deviation(returns, 0);
    if returns.len() < 4 || !(confidence > 0.0 && confidence < 1.0) || deviation.is_nan() || deviation <= 0.0 {
        return UNDEFINED;
    }
    let n = returns.len() as f64;
    let (mut skew, mut kurtosis) = (0.0, 0.0);
    for x in returns {
        let z = (x - mean) / deviation;
        skew += z * z * z / n;
        kurtosis += z * z * z * z / n;
    }
    let kurtosis = kurtosis - 3.0;
    let loss = |probability: f64| {
        let z = quantile(probability);
        let square = z * z;
        let adjusted = z + (square - 1.0) * skew / 6.0 + (square - 3.0) * z * kurtosis / 24.0
            - (2.0 * square - 5.0) * z * skew * skew / 36.0;
        -(mean + deviation * adjusted)
    };
    let alpha = 1.0 - confidence;
    let steps = STEPS as f64;
    let sum: f64 = (0..STEPS).map(|step| loss(alpha * (step as f64 + 0.5) / steps)).sum();
    TailRisk {
        value_at_risk: loss(alpha),
        expected_shortfall: sum / steps,
    }
}

/// VaR and ES of the returns, each divided by the volatility before it and multiplied by the volatility of
/// now. σ²_t = decay·σ²_{t−1} + (1 − decay)·r²_{t−1}, from the mean square of the sample. NaN if there are
/// fewer than two returns or all are 0, or if the decay is outside (0, 1).
pub fn filtered_historical(returns: &[f64], confidence: f64, decay: f64) -> TailRisk {
    if returns.len() < 2 || !(decay > 0.0 && decay < 1.0) {
        return UNDEFINED;
    }
    let mut variance = returns.iter().map(|x| x * x).sum::<f64>() / returns.len() as f64;
    let mut scaled = Vec::with_capacity(returns.len());
    for x in returns {
        scaled.push(x / variance.sqrt());
        variance = decay * variance + (1.0 - decay) * x * x;
    }
    let now = variance.sqrt();
    for x in &mut scaled {
        *x *= now;
    }
    historical(&mut scaled, confidence)
}

/// SplitMix64 (Steele, Lea and Flood 2014) as uniform numbers in (0, 1).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 * (1.0 / (1u64 << 53) as f64) + 1.0 / (1u64 << 54) as f64
    }
}

/// Profits of `out.len()` scenarios, drawn from a multivariate Student t with `freedom` degrees (infinite:
/// normal) and this mean and covariance (row-major). The profit Σ_j exposures_j·return_j of an elliptical
/// distribution has the same distribution with mean e·μ and variance e·Σ·e, so each scenario takes one draw
/// (Bailey, Mathematics of Computation 62, 1994), not one for each position. False if a length is wrong,
/// the variance is negative, or freedom is not above 2, below which there is no variance.
pub fn monte_carlo(
    mean: &[f64],
    covariance: &[f64],
    exposures: &[f64],
    freedom: f64,
    seed: u64,
    out: &mut [f64],
) -> bool {
    let n = exposures.len();
    if mean.len() != n || covariance.len() != n * n || n == 0 || freedom.is_nan() || freedom <= 2.0 {
        return false;
    }
    let drift = crate::lanes::dot(mean, exposures);
    let rows = covariance.chunks_exact(n).zip(exposures);
    let variance: f64 = rows.map(|(row, held)| held * crate::lanes::dot(row, exposures)).sum();
    if variance.is_nan() || variance < 0.0 {
        return false;
    }
    let fat = freedom.is_finite();
    let scale = variance.sqrt() * if fat { ((freedom - 2.0) / freedom).sqrt() } else { 1.0 };
    let mut random = Random(seed);
    for out in out {
        let (u, angle) = (random.next(), std::f64::consts::TAU * random.next());
        let square = if fat {
            freedom * (u.powf(-2.0 / freedom) - 1.0)
        } else {
            -2.0 * u.ln()
        };
        *out = drift + scale * square.sqrt() * angle.cos();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::value_at_risk::parametric_of;
    use super::*;

    fn normal_sample(count: usize) -> Vec<f64> {
        (0..count)
            .map(|i| 0.01 * quantile((i as f64 + 0.5) / count as f64))
            .collect()
    }

    #[test]
    fn cornish_fisher_of_a_normal_sample_is_the_normal_tail() {
        let actual = cornish_fisher(&normal_sample(100_000), 0.99);
        let expected = parametric_of(0.0, 0.01, 0.99, 1.0);
        assert!((actual.value_at_risk / expected.value_at_risk - 1.0).abs() < 1e-3);
        assert!((actual.expected_shortfall / expected.expected_shortfall - 1.0).abs() < 2e-3);
        assert!(cornish_fisher(&[0.1; 9], 0.99).value_at_risk.is_nan());
    }

    #[test]
    fn a_filtered_sample_follows_the_volatility_of_now() {
        let mut returns = normal_sample(1_000);
        // In an order in which the volatility does not change, then with a calm and a wild end.
        returns.sort_by_key(|x| x.to_bits() % 997);
        let with_end = |size: f64| {
            let mut all = returns.clone();
            all.extend((0..100).map(|i| if i % 2 == 0 { size } else { -size }));
            filtered_historical(&all, 0.99, 0.94).value_at_risk
        };
        let plain = historical(&mut returns.clone(), 0.99).value_at_risk;
        assert!(with_end(0.001) < 0.2 * plain && with_end(0.05) > 3.0 * plain);
        assert!(filtered_historical(&returns, 0.99, 1.0).value_at_risk.is_nan());
    }

    #[test]
    fn monte_carlo_recovers_mean_deviation_and_tail() {
        let covariance = [0.04, 0.01, 0.01, 0.09];
        let expected = (4.0 * 0.04 - 4.0 * 0.01 + 0.09f64).sqrt();
        let draw = |freedom: f64| {
            let mut out = vec![0.0; 200_000];
            assert!(monte_carlo(
                &[0.01, 0.0],
                &covariance,
                &[2.0, -1.0],
                freedom,
                7,
                &mut out
            ));
            out
        };
        for freedom in [6.0, f64::INFINITY] {
            let (mean, deviation) = mean_and_deviation(&draw(freedom), 1);
            assert!((mean - 0.02).abs() < 4.0 * expected / 200_000f64.sqrt());
            assert!((deviation / expected - 1.0).abs() < 0.02);
        }
        // The 99 % quantile of t with 6 degrees is 3.1427, of the normal 2.3263.
        let fat = historical(&mut draw(6.0), 0.99).value_at_risk + 0.02;
        let thin = historical(&mut draw(f64::INFINITY), 0.99).value_at_risk + 0.02;
        assert!((fat / (expected * (4.0f64 / 6.0).sqrt() * 3.1427) - 1.0).abs() < 0.02);
        assert!((thin / (expected * 2.3263) - 1.0).abs() < 0.02);
        assert_eq!(draw(6.0), draw(6.0));
        assert!(!monte_carlo(&[0.0; 2], &covariance, &[1.0, 1.0], 2.0, 7, &mut [0.0]));
    }
}
