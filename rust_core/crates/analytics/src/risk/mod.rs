//! Order limits, value at risk, stress.
//!
//! For research, back-tests and bots on this side of the wire. The exchange never asks it: admission of real
//! orders is the engine's own, in integers (`RULES.md` §4), so there is no second risk code in the order path.
pub mod limits;
pub mod normal;
pub mod stress;
pub mod value_at_risk;
