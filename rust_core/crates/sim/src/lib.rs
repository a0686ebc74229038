//! Simulation: holds the engine against a naive oracle, on seeded streams of commands.
//!
//! - [`oracle`]: `RULES.md` once more, in the plainest way.
//! - [`workload`]: seeded command streams, realistic and hostile.
//! - [`compare`]: runs both, compares everything they say, and shrinks what differs.
//! - [`witness`]: checks that need only events: time priority, sums, levels.
//!
//! A failure is a seed: every message names profile, seed and number of commands.
#![forbid(unsafe_code)]

pub mod compare;
pub mod oracle;
pub mod random;
pub mod rival;
pub mod witness;
pub mod workload;
