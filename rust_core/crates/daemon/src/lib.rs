//! What every always-on process needs, whatever it does (`matchd`, `relay`).
//!
//! | file | what |
//! |---|---|
//! | `settings` | the settings that all of them share |
//! | `secret_files` | settings that come from files |
//! | `log` | JSON lines on stderr |
//! | `nats_server` | address of the NATS server and the credentials for it |
//! | `endpoint` | `/metrics`, `/health` and similar: GET with a text response |
//! | `histogram` | a Prometheus histogram without locks |
//! | `signals` | SIGTERM and SIGINT |
//! | `trace` | spans to an OpenTelemetry collector |
//!
//! Absent: anything about trading, journals or functions.
#![forbid(unsafe_code)]

pub mod endpoint;
pub mod histogram;
pub mod log;
pub mod nats_server;
pub mod secret_files;
pub mod settings;
pub mod signals;
pub mod trace;
