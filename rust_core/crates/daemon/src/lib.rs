//! What every always-on process of ours has, whatever it does (matchd, relay).
//!
//! | file | what |
//! |---|---|
//! | `files` | settings that are told in files |
//! | `log` | JSON lines on stderr |
//! | `server` | the address of NATS and who we are there |
//! | `endpoint` | `/metrics`, `/health` and the like: GET and a text |
//! | `histogram` | a histogram of Prometheus, without locks |
//! | `signals` | the wish of the outside that we end |
//!
//! Absent: anything about trading, journals or functions.
#![forbid(unsafe_code)]

pub mod endpoint;
pub mod files;
pub mod histogram;
pub mod log;
pub mod server;
pub mod signals;
