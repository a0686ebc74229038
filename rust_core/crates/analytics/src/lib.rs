//! Market and risk analytics over plain slices of `f64` and `i64`.
//!
//! Layout: [`market`] (prices, order flow, spreads, book shape, indicators, streams), [`incremental`]
//! (features that are updated with each tick), [`risk`]
//! (order limits, value at risk, stress), [`lanes`] (the loops that the other modules use).
//!
//! Floats are used here and not in the engine: no result of this crate decides a fill, moves cash or enters
//! the journal. Python calls these functions through `cift_core`. This crate does not depend on Python, so
//! its tests and benches need no Python.
//!
//! Conventions:
//! - The inputs of one call have equal lengths, else [`LengthMismatch`].
//! - An undefined result (no volume, too few points) is NaN, as in NumPy. A NaN input yields NaN, never a
//!   panic.
//! - Prices are in currency units, quantities in units of the instrument, times in ns, returns and shocks are
//!   fractions (0.01 = 1 %).
//! - Sums use [`lanes::LANES`] interleaved partial sums. The order of additions does not depend on the
//!   vector width of the machine, so results have the same bits on every machine. They differ in the last
//!   bits from a sum from left to right.
#![deny(unsafe_code)]
// Loops index several slices with one counter: they look like the formulas, and the compiler vectorises them.
#![allow(clippy::needless_range_loop)]

pub mod incremental;
pub mod lanes;
pub mod market;
pub mod risk;

/// The inputs of one call differ in length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthMismatch {
    pub expected: usize,
    pub actual: usize,
}

impl std::fmt::Display for LengthMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "arrays differ in length: {} and {}", self.expected, self.actual)
    }
}

impl std::error::Error for LengthMismatch {}

/// Checks that all `lengths` are `expected`.
pub(crate) fn same_length(expected: usize, lengths: &[usize]) -> Result<(), LengthMismatch> {
    match lengths.iter().find(|&&actual| actual != expected) {
        None => Ok(()),
        Some(&actual) => Err(LengthMismatch { expected, actual }),
    }
}
