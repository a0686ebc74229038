//! Market and risk analytics over plain slices of `f64` and `i64`.
//!
//! Layout: [`market`] (prices, order flow, spreads, book shape, indicators, streams), [`risk`]
//! (order limits, value at risk, stress), [`lanes`] (the loops everything else is made of).
//!
//! Floats live here and not in the engine: nothing computed here decides a fill, moves cash or
//! enters the journal. Python reaches these functions through `cift_core`; this crate knows nothing
//! of Python, so that its tests and benches need none.
//!
//! Conventions: inputs of one call have equal lengths, else [`LengthMismatch`]; what is undefined
//! (no volume, too few points) is NaN, as in NumPy; NaN in gives NaN out, never a panic. Prices are
//! in currency units, quantities in units of the instrument, times in ns, returns and shocks as
//! fractions (0.01 = 1 %).
//!
//! Sums are taken in [`lanes::LANES`] interleaved partial sums. The order of additions does not depend on the
//! machine's vector width, so results are the same bits on every machine (but differ in the last bits
//! from a sum taken left to right).
#![deny(unsafe_code)]
// Several slices walked side by side by one index: the form that reads like the formula, and vectorises.
#![allow(clippy::needless_range_loop)]

pub mod lanes;
pub mod market;
pub mod risk;

/// Two inputs of one call differ in length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthMismatch {
    pub expected: usize,
    pub got: usize,
}

impl std::fmt::Display for LengthMismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "arrays differ in length: {} and {}", self.expected, self.got)
    }
}

impl std::error::Error for LengthMismatch {}

/// All `lengths` equal the first one?
pub(crate) fn same_length(expected: usize, others: &[usize]) -> Result<(), LengthMismatch> {
    match others.iter().find(|&&got| got != expected) {
        None => Ok(()),
        Some(&got) => Err(LengthMismatch { expected, got }),
    }
}
