//! Stress: the profit or loss of holdings in a scenario.
//!
//! A scenario is one relative price move per symbol (−0.2 = a fall by a fifth). The loss is linear in the
//! move. This is exact for shares and currencies; there are no options.

use crate::lanes::dot;
use crate::{same_length, LengthMismatch};

/// An account after a scenario.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stressed {
    /// Change of the account's equity, negative = loss.
    pub profit: f64,
    pub equity: f64,
    /// Σ |position| × moved price.
    pub gross: f64,
    /// gross / equity; 0 without positions, infinite if there are positions and equity is not positive.
    pub leverage: f64,
}

/// The account after the scenario `shocks`. `exposures` are the signed values held, position × mark. Both
/// have one element per symbol, in the same order.
pub fn stress(equity: f64, exposures: &[f64], shocks: &[f64]) -> Result<Stressed, LengthMismatch> {
    same_length(exposures.len(), &[shocks.len()])?;
    let profit = dot(exposures, shocks);
    let gross: f64 = exposures
        .iter()
        .zip(shocks)
        .map(|(value, shock)| (value * (1.0 + shock)).abs())
        .sum();
    let equity = equity + profit;
    let leverage = match (gross > 0.0, equity > 0.0) {
        (false, _) => 0.0,
        (true, false) => f64::INFINITY,
        (true, true) => gross / equity,
    };
    Ok(Stressed {
        profit,
        equity,
        gross,
        leverage,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_matches_a_manual_calculation() {
        let after = stress(1_000.0, &[1_500.0, -500.0], &[-0.2, 0.1]).unwrap();
        assert_eq!(
            after,
            Stressed {
                profit: -350.0,
                equity: 650.0,
                gross: 1_750.0,
                leverage: 1_750.0 / 650.0
            }
        );
        assert_eq!(stress(100.0, &[1_000.0], &[-0.5]).unwrap().leverage, f64::INFINITY);
        assert_eq!(stress(100.0, &[], &[]).unwrap().leverage, 0.0);
        assert!(stress(100.0, &[1.0], &[]).is_err());
    }
}
