//! Simulation: compares the engine with a naive oracle on seeded streams of commands.
//!
//! - [`oracle`]: a second implementation of `RULES.md` in the simplest code.
//! - [`workload`]: seeded command streams, realistic and hostile.
//! - [`compare`]: runs both, compares all their results, and shrinks a failing stream.
//! - [`event_checker`]: checks that need only events: time priority, sums, levels.
//!
//! A failure can be repeated from its seed: every message has the profile, the seed and the number of
//! commands.
#![forbid(unsafe_code)]

pub mod compare;
pub mod event_checker;
pub mod oracle;
pub mod random;
pub mod rival;
pub mod workload;
