//! Named points at which a test can kill the process: `CIFT_CRASH_AT=<point>[:n]` aborts at the n-th passage (1).
//!
//! Always compiled in, so that what is tested is what ships; without the variable a point is one load and a branch.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Duration;

/// How long an armed point waits before it aborts: what was handed to the connection's own thread has left by then,
/// so that "after_publish" is after it.
const LEAVE: Duration = Duration::from_millis(100);

/// Every point there is. A name outside this list stops the process at its start.
pub const POINTS: [&str; 7] = [
    "after_engine_started",
    "before_publish",
    "after_publish_before_ack",
    "after_ack_before_reply",
    "after_reply",
    "during_snapshot",
    "during_recovery",
];

static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
static PASSED: AtomicU64 = AtomicU64::new(0);

/// Reads the variable; an unknown name is an error.
pub fn arm() -> Result<(), String> {
    let Ok(text) = std::env::var("CIFT_CRASH_AT") else {
        ARMED.get_or_init(|| None);
        return Ok(());
    };
    let (point, count) = match text.split_once(':') {
        None => (text.as_str(), 1),
        Some((point, count)) => (
            point,
            count
                .parse()
                .map_err(|_| format!("CIFT_CRASH_AT: bad count in {text:?}"))?,
        ),
    };
    if !POINTS.contains(&point) {
        return Err(format!("CIFT_CRASH_AT: no point {point:?}; there are {POINTS:?}"));
    }
    ARMED.get_or_init(|| Some((point.to_owned(), count)));
    Ok(())
}

/// Passes a point.
pub fn point(name: &'static str) {
    if let Some(Some((armed, count))) = ARMED.get() {
        if armed == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count {
            eprintln!("{{\"level\":\"warn\",\"message\":\"crash point\",\"point\":\"{name}\"}}");
            std::thread::sleep(LEAVE);
            std::process::abort();
        }
    }
}
