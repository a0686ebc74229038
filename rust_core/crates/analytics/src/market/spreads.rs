//! Spreads and the prices between bid and ask.
//!
//! Sources: effective and realized spread, Huang and Stoll, "Dealer versus auction markets", Journal of
//! Financial Economics 41 (1996); the size-weighted mid, Gatheral and Oomen, "Zero-intelligence realized
//! variance estimation", Finance and Stochastics 14 (2010). Stoikov's 2018 micro-price adjusts that mid
//! with a fitted Markov chain. The function here is its first approximation and needs no fit.

use crate::{same_length, LengthMismatch};

/// Basis points per unit.
pub const BASIS_POINTS: f64 = 10_000.0;

/// Size-weighted mid of one quote: (bid·ask_size + ask·bid_size) / (bid_size + ask_size). NaN if both sizes
/// are 0.
#[inline(always)]
pub fn microprice(bid: f64, bid_size: f64, ask: f64, ask_size: f64) -> f64 {
    (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
}

/// [`microprice`] of each quote.
pub fn microprices(
    bids: &[f64],
    bid_sizes: &[f64],
    asks: &[f64],
    ask_sizes: &[f64],
    out: &mut [f64],
) -> Result<(), LengthMismatch> {
    same_length(bids.len(), &[bid_sizes.len(), asks.len(), ask_sizes.len(), out.len()])?;
    for index in 0..bids.len() {
        out[index] = microprice(bids[index], bid_sizes[index], asks[index], ask_sizes[index]);
    }
    Ok(())
}

/// Quoted spread of each quote: ask − bid, in currency.
pub fn quoted_spreads(bids: &[f64], asks: &[f64], out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(bids.len(), &[asks.len(), out.len()])?;
    for (out, (bid, ask)) in out.iter_mut().zip(bids.iter().zip(asks)) {
        *out = ask - bid;
    }
    Ok(())
}

/// Relative quoted spread of each quote: 10,000·(ask − bid) / mid, in basis points.
pub fn relative_spreads(bids: &[f64], asks: &[f64], out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(bids.len(), &[asks.len(), out.len()])?;
    for (out, (bid, ask)) in out.iter_mut().zip(bids.iter().zip(asks)) {
        *out = BASIS_POINTS * (ask - bid) / (0.5 * (ask + bid));
    }
    Ok(())
}

/// Effective spread of each trade: 2·D·(price − mid) in currency, with D = +1 for a buying taker and −1 for
/// a selling taker. It is the round-trip cost of immediacy to the taker. With a mid of a later time it is
/// the realized spread, the revenue of the maker.
pub fn effective_spreads(prices: &[f64], mids: &[f64], sides: &[i8], out: &mut [f64]) -> Result<(), LengthMismatch> {
    same_length(prices.len(), &[mids.len(), sides.len(), out.len()])?;
    for index in 0..prices.len() {
        out[index] = 2.0 * f64::from(sides[index].signum()) * (prices[index] - mids[index]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_microprice_is_nearer_to_the_smaller_side() {
        assert_eq!(microprice(10.0, 1.0, 11.0, 1.0), 10.5);
        assert_eq!(microprice(10.0, 3.0, 11.0, 1.0), 10.75);
        assert!(microprice(10.0, 0.0, 11.0, 0.0).is_nan());
    }

    #[test]
    fn spreads_match_a_manual_calculation() {
        let mut out = [0.0; 2];
        quoted_spreads(&[9.0, 10.0], &[11.0, 10.5], &mut out).unwrap();
        assert_eq!(out, [2.0, 0.5]);
        relative_spreads(&[9.0, 99.0], &[11.0, 101.0], &mut out).unwrap();
        assert_eq!(out, [2_000.0, 200.0]);
        effective_spreads(&[10.5, 9.75], &[10.0, 10.0], &[1, -1], &mut out).unwrap();
        assert_eq!(out, [1.0, 0.5]);
        assert!(effective_spreads(&[1.0], &[1.0], &[1], &mut out).is_err());
    }
}
