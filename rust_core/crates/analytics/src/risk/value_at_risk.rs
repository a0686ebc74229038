//! Value at risk and expected shortfall of a series of returns, as positive losses.
//!
//! Sources: historical and parametric VaR, J.P. Morgan/Reuters, "RiskMetrics Technical Document" (1996);
//! expected shortfall with the correction that keeps it coherent in discrete samples, Acerbi and
//! Tasche, "On the coherence of expected shortfall", Journal of Banking & Finance 26 (2002).
//!
//! `confidence` is that of the loss not being exceeded (0.99), `alpha` = 1 − confidence. All results are
//! fractions of the value held, like the returns; a negative VaR is a gain.

use super::normal::{density, quantile};
use crate::lanes::mean_and_deviation;

/// A loss that is not exceeded with the given confidence, and the mean loss where it is.
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

/// From the sample itself. With n returns and k = ⌊n·alpha⌋: VaR is the (k+1)-th largest loss, ES is
/// `(Σ of the k largest + (n·alpha − k)·VaR) / (n·alpha)`. `returns` is reordered. NaN of an empty sample, of one
/// with NaN in it, or for a confidence outside (0, 1).
pub fn historical(returns: &mut [f64], confidence: f64) -> TailRisk {
    if returns.is_empty() || !is_confidence(confidence) || returns.iter().any(|x| x.is_nan()) {
        return UNDEFINED;
    }
    // 1 − 0.95 is a hair above 0.05: without the correction 100 returns would have 5.000…4 in the tail, which is
    // harmless, but 1 − 0.9 is a hair below 0.1 and would lose one.
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

/// From a normal distribution of the sample's mean and standard deviation (n − 1), over `horizon` periods (the
/// deviation grows with its root): VaR = z·σ√h − μh, ES = σ√h·φ(z)/alpha − μh, z the quantile of `confidence`. NaN of fewer
/// than two returns.
pub fn parametric(returns: &[f64], confidence: f64, horizon: f64) -> TailRisk {
    let (mean, deviation) = mean_and_deviation(returns, 1);
    parametric_of(mean, deviation, confidence, horizon)
}

/// [`parametric`] of a known mean and deviation for one period.
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

/// Profit and loss of holdings in each period: `out[i] = Σ_j returns[i, j]·exposures[j]`. `returns` holds rows of
/// `exposures.len()` entries.
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
    fn the_tail_of_a_hundred() {
        let mut returns: Vec<f64> = (1..=100).map(|i| f64::from(i * 37 % 101) / -100.0).collect();
        // Losses 0.01 ..= 1.00; five percent beyond.
        let risk = historical(&mut returns, 0.95);
        assert_eq!(risk.value_at_risk, 0.95);
        assert!((risk.expected_shortfall - 0.98).abs() < 1e-12);
        let risk = historical(&mut returns, 0.9);
        assert_eq!(risk.value_at_risk, 0.90);
        assert!((risk.expected_shortfall - 0.955).abs() < 1e-12);
    }

    #[test]
    fn a_tail_of_less_than_one_point_is_the_worst() {
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
    fn the_normal_tail_from_tables() {
        let risk = parametric_of(0.0, 1.0, 0.99, 1.0);
        assert!((risk.value_at_risk - 2.326_347_874).abs() < 1e-9);
        assert!((risk.expected_shortfall - 2.665_214_220).abs() < 1e-8);
        let ten = parametric_of(0.001, 0.02, 0.95, 10.0);
        assert!((ten.value_at_risk - (1.644_853_627 * 0.02 * 10f64.sqrt() - 0.01)).abs() < 1e-9);
    }

    #[test]
    fn holdings_times_returns() {
        let mut out = [0.0; 2];
        profits(&[0.1, 0.2, -0.1, 0.0], &[100.0, -50.0], &mut out).unwrap();
        assert_eq!(out, [0.0, -10.0]);
        assert!(profits(&[0.1; 3], &[1.0, 1.0], &mut out).is_err());
    }
}
