//! Named points at which a test can crash the process. `CIFT_CRASH_AT=<point>[:n]` aborts when the process
//! passes the point for the n-th time (default 1).
//!
//! The points are always compiled in, so that tests run the shipped program. Without the variable a point
//! costs one load and one branch.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;
use std::time::Duration;

/// Pause of an armed point before it aborts. In this time the connection's thread sends what was published,
/// so that "after_publish" is after the send.
const SEND_TIME: Duration = Duration::from_millis(100);

/// All points. The process does not start with another name.
pub const POINTS: [&str; 12] = [
    "after_engine_started",
    "before_publish",
    "after_publish_before_ack",
    "after_ack_before_reply",
    "after_reply",
    "during_snapshot",
    "during_recovery",
    "archive_segment_stored",
    "archive_entry_stored",
    "before_purge",
    "after_purge",
    "archive_partly_trimmed",
];

static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
static PASSED: AtomicU64 = AtomicU64::new(0);

/// Reads the variable. An unknown point or an invalid count is an error.
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
                .map_err(|_| format!("CIFT_CRASH_AT: the count in {text:?} is not a number"))?,
        ),
    };
    if !POINTS.contains(&point) {
        return Err(format!(
            "CIFT_CRASH_AT: unknown point {point:?}; the points are {}",
            POINTS.join(", ")
        ));
    }
    ARMED.get_or_init(|| Some((point.to_owned(), count)));
    Ok(())
}

static PANIC_ON: OnceLock<Option<u128>> = OnceLock::new();

/// For tests: panics if `CIFT_PANIC_ON` is the id of the order that the command places.
pub fn panic_on(command: &cift_engine::Command) {
    let armed = PANIC_ON.get_or_init(|| std::env::var("CIFT_PANIC_ON").ok()?.parse().ok());
    if let (Some(armed), cift_engine::Command::PlaceOrder(order)) = (armed, command) {
        assert!(order.order.0 != *armed, "CIFT_PANIC_ON names this order");
    }
}

/// Passes a point: aborts here if it is armed and its count is reached.
pub fn point(name: &'static str) {
    if let Some(Some((armed, count))) = ARMED.get() {
        if armed == name && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *count {
            eprintln!("{{\"level\":\"warn\",\"message\":\"crash point\",\"point\":\"{name}\"}}");
            std::thread::sleep(SEND_TIME);
            std::process::abort();
        }
    }
}
