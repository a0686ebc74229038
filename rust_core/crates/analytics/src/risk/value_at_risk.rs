//! Value at risk and expected shortfall of a series of returns, as positive losses.
//!
//! Sources: historical and parametric VaR, J.P. Morgan/Reuters, "RiskMetrics Technical Document" (1996);
//! expected shortfall with the correction that keeps it coherent in discrete samples, Acerbi and
//! Tasche, "On the coherence of expected shortfall", Journal of Banking & Finance 26 (2002).
//!
//! `confidence` is the probability that the loss is not exceeded (0.99), and `alpha` = 1 − confidence. All
//! results are fractions of the value held, like the returns. A negative VaR is a gain.

use super::normal::{density, quantile};
use crate::lanes::mean_and_deviation;

/// The loss that is not exceeded with the given confidence, and the mean loss if it is exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TailRisk {
    pub value_at_risk: f64,
    pub expected_shortfall: f64,
}

const UNDEFINED: TailRisk = TailRisk {
    value_at_risk: f64::NAN,
    expected_shortfall: f64::NAN,
};

fn is_confidence(confidence: f64) -> bool {
    confidence > 0.0 && confidence < 1.0
}

/// VaR and ES of the sample itself. With n returns and k = ⌊n·alpha⌋, VaR is the (k+1)-th largest loss and
/// ES is `(Σ of the k largest + (n·alpha − k)·VaR) / (n·alpha)`. Reorders `returns`. NaN if the sample is
/// empty or contains NaN, or if the confidence is outside (0, 1).
pub fn historical(returns: &mut [f64], confidence: f64) -> TailRisk {
    if returns.is_empty() || !is_confidence(confidence) || returns.iter().any(|x| x.is_nan()) {
        return UNDEFINED;
    }
    // In floats 1 − 0.95 is slightly above 0.05 and 1 − 0.9 slightly below 0.1. Without this correction 100
    // returns would have 9.99… instead of 10 in the tail, and one would be lost.
    let tail = returns.len() as f64 * (1.0 - confidence);
    let tail = if (tail - tail.round()).abs() < 1e-9 * tail.max(1.0) {
        tail.round()
    } else {
        tail
    };
    let beyond = (tail as usize).min(returns.len() - 1);
    let (worst, edge, _) = returns.select_nth_unstable_by(beyond, f64::total_cmp);
    let value_at_risk = -*edge;
    let sum: f64 = worst.iter().map(|x| -x).sum();
    let expected_shortfall = (sum + (tail - beyond as f64) * value_at_risk) / tail;
    TailRisk {
        value_at_risk,
        expected_shortfall,
    }
}

/// VaR and ES of a normal distribution with the sample's mean μ and standard deviation σ (n − 1), over h =
/// `horizon` periods: VaR = z·σ√h − μh and ES = σ√h·φ(z)/alpha − μh, where z is the quantile of
/// `confidence`. NaN if there are fewer than two returns.
pub fn parametric(returns: &[f64], confidence: f64, horizon: f64) -> TailRisk {
    let (mean, deviation) = mean_and_deviation(returns, 1);
    parametric_of(mean, deviation, confidence, horizon)
}

/// [`parametric`] with a known mean and standard deviation of one period.
pub fn parametric_of(mean: f64, deviation: f64, confidence: f64, horizon: f64) -> TailRisk {
    if !is_confidence(confidence) {
        return UNDEFINED;
    }
    let z = quantile(confidence);
    let (drift, spread) = (mean * horizon, deviation * horizon.sqrt());
    TailRisk {
        value_at_risk: z * spread - drift,
        expected_shortfall: spread * density(z) / (1.0 - confidence) - drift,
    }
}

/// Profit and loss of holdings in each period: `out[i] = Σ_j returns[i, j]·exposures[j]`. `returns` is
/// row-major with `exposures.len()` columns.
pub fn profits(returns: &[f64], exposures: &[f64], out: &mut [f64]) -> Result<(), crate::LengthMismatch> {
    crate::same_length(out.len() * exposures.len(), &[returns.len()])?;
    if exposures.is_empty() {
        out.fill(0.0);
        return Ok(());
    }
    for (out, row) in out.iter_mut().zip(returns.chunks_exact(exposures.len())) {
        *out = crate::lanes::dot(row, exposures);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_hundred_returns() {
        let mut returns: Vec<f64> = (1..=100).map(|i| f64::from(i * 37 % 101) / -100.0).collect();
        // The losses are 0.01 ..= 1.00; five of them are in the tail.
        let risk = historical(&mut returns, 0.95);
        assert_eq!(risk.value_at_risk, 0.95);
        assert!((risk.expected_shortfall - 0.98).abs() < 1e-12);
        let risk = historical(&mut returns, 0.9);
        assert_eq!(risk.value_at_risk, 0.90);
        assert!((risk.expected_shortfall - 0.955).abs() < 1e-12);
    }

    #[test]
    fn a_tail_of_less_than_one_return_is_the_largest_loss() {
        let risk = historical(&mut [-0.3, 0.1, 0.2], 0.99);
        assert_eq!(
            risk,
            TailRisk {
                value_at_risk: 0.3,
                expected_shortfall: 0.3
            }
        );
        assert!(historical(&mut [], 0.99).value_at_risk.is_nan());
        assert!(historical(&mut [0.1, f64::NAN], 0.99).value_at_risk.is_nan());
        assert!(historical(&mut [0.1], 1.0).value_at_risk.is_nan());
    }

    #[test]
    fn the_normal_tail_matches_published_tables() {
        let risk = parametric_of(0.0, 1.0, 0.99, 1.0);
        assert!((risk.value_at_risk - 2.326_347_874).abs() < 1e-9);
        assert!((risk.expected_shortfall - 2.665_214_220).abs() < 1e-8);
        let ten = parametric_of(0.001, 0.02, 0.95, 10.0);
        assert!((ten.value_at_risk - (1.644_853_627 * 0.02 * 10f64.sqrt() - 0.01)).abs() < 1e-9);
    }

    #[test]
    fn profits_are_returns_times_exposures() {
        let mut out = [0.0; 2];
        profits(&[0.1, 0.2, -0.1, 0.0], &[100.0, -50.0], &mut out).unwrap();
        assert_eq!(out, [0.0, -10.0]);
        assert!(profits(&[0.1; 3], &[1.0, 1.0], &mut out).is_err());
    }
}
