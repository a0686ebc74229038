//! Order limits, value at risk, stress.
//!
//! For research, back-tests and trading bots. The exchange does not use this module: the engine admits real
//! orders itself, in integers (`RULES.md` §4). So the order path has no second risk code.
pub mod limits;
pub mod models;
pub mod normal;
pub mod stress;
pub mod value_at_risk;
