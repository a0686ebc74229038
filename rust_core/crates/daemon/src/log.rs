//! Logs: one JSON object per line on stderr.
use serde_json::{json, Map, Value};
use std::io::Write;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}
static LEVEL: OnceLock<Level> = OnceLock::new();
static SERVICE: OnceLock<&'static str> = OnceLock::new();

/// Sets the name of the service and the lowest level written (debug, info, warn, error). The first call
/// counts.
pub fn init(service: &'static str, level: &str) {
    SERVICE.get_or_init(|| service);
    let level = match level {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    };
    LEVEL.get_or_init(|| level);
}
pub fn enabled(level: Level) -> bool {
    level >= *LEVEL.get().unwrap_or(&Level::Info)
}

/// Nanoseconds since the Unix epoch by the wall clock.
pub fn wall_clock_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(i64::MAX))
}

/// Writes a line. `fields` must be an object.
pub fn write(level: Level, message: &str, fields: Value) {
    if !enabled(level) {
        return;
    }
    let mut line = Map::new();
    line.insert("time_ns".into(), json!(wall_clock_ns()));
    line.insert("level".into(), json!(format!("{level:?}").to_lowercase()));
    line.insert("service".into(), json!(SERVICE.get()));
    line.insert("message".into(), json!(message));
    if let Value::Object(fields) = fields {
        line.extend(fields);
    }
    let mut text = Value::Object(line).to_string();
    text.push('\n');
    // Trading goes on when a log line cannot be written.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

pub fn info(message: &str, fields: Value) {
    write(Level::Info, message, fields);
}
pub fn warn(message: &str, fields: Value) {
    write(Level::Warn, message, fields);
}
pub fn error(message: &str, fields: Value) {
    write(Level::Error, message, fields);
}
