//! What relay tells Prometheus: a line a handler, counters without locks.
use cift_daemon::endpoint::{self, Answer};
use cift_daemon::histogram::Histogram;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Upper bounds of the buckets of a POST's time, milliseconds: from a warm projector to a cold start and beyond.
const POST_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 15_000, 60_000];

macro_rules! metrics {
    ($($kind:literal $field:ident $name:literal $help:literal;)+) => {
        /// Of one handler.
        pub struct HandlerMetrics {
            pub function: String,
            $(pub $field: AtomicU64,)+
            pub post: Histogram,
        }
        impl HandlerMetrics {
            pub fn new(function: &str) -> HandlerMetrics {
                HandlerMetrics {
                    function: function.to_owned(),
                    $($field: AtomicU64::new(0),)+
                    post: Histogram::new(&POST_BOUNDS_MS),
                }
            }
        }
        fn write_all(out: &mut String, handlers: &[Arc<HandlerMetrics>]) {
            $(
                let _ = writeln!(out, "# HELP {0} {1}\n# TYPE {0} {2}", $name, $help, $kind);
                for handler in handlers {
                    let value = handler.$field.load(Relaxed);
                    let _ = writeln!(out, "{}{{function=\"{}\"}} {value}", $name, handler.function);
                }
            )+
        }
    };
}
metrics! {
    "gauge" lag "relay_lag_messages" "Messages of the stream that the handler has not dealt with";
    "gauge" sequence "relay_sequence" "Last message dealt with";
    "gauge" alarm "relay_alarm" "1 while the handler has been failing for a while, or has stopped at a poison";
    "gauge" stopped "relay_stopped" "1 while a projector stands at a poison that it cannot skip";
    "gauge" last_success "relay_last_success_timestamp_seconds" "When a POST was last answered with 2xx";
    "counter" batches "relay_batches_total" "Batches (or due times) dealt with";
    "counter" messages "relay_messages_total" "Messages dealt with";
    "counter" bytes "relay_bytes_total" "Bytes of batches dealt with";
    "counter" retries "relay_retries_total" "POSTs that failed and were tried again";
    "counter" rewinds "relay_rewinds_total" "Times the function asked for another record";
    "counter" poison "relay_poison_total" "Messages put aside into DLQ";
    "counter" replayed "relay_replayed_total" "Dead letters that were brought again and taken";
}

impl HandlerMetrics {
    pub fn set(gauge: &AtomicU64, value: u64) {
        gauge.store(value, Relaxed);
    }
    pub fn add(counter: &AtomicU64, value: u64) {
        counter.fetch_add(value, Relaxed);
    }
    pub fn succeeded(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.last_success.store(now.map_or(0, |d| d.as_secs()), Relaxed);
    }
}

/// Of the process.
pub struct Metrics {
    pub handlers: Vec<Arc<HandlerMetrics>>,
    nats: AtomicBool,
}

impl Metrics {
    pub fn new(functions: impl Iterator<Item = String>) -> Metrics {
        Metrics {
            handlers: functions.map(|f| Arc::new(HandlerMetrics::new(&f))).collect(),
            nats: AtomicBool::new(false),
        }
    }
    /// Says whether NATS is there; returns what was said before.
    pub fn connected(&self, there: bool) -> bool {
        self.nats.swap(there, Relaxed)
    }
    pub fn text(&self) -> String {
        let mut out = format!(
            "# HELP relay_nats_connected 1 while NATS is there\n# TYPE relay_nats_connected gauge\nrelay_nats_connected {}\n",
            u8::from(self.nats.load(Relaxed))
        );
        write_all(&mut out, &self.handlers);
        out.push_str("# HELP relay_post_seconds Time to an answer\n# TYPE relay_post_seconds histogram\n");
        for handler in &self.handlers {
            let labels = format!("function=\"{}\"", handler.function);
            handler.post.write(&mut out, "relay_post_seconds", &labels, 1e3);
        }
        out
    }
}

/// Serves `GET /metrics` and `/health` for ever. It is healthy while it answers: NATS or a function that is away is
/// nothing that a new process would mend.
pub async fn serve(address: String, metrics: Arc<Metrics>) {
    let answer = move |path: &str| match path {
        "/metrics" => Answer::Fine(metrics.text()),
        "/health" => Answer::Fine("alive\n".into()),
        _ => Answer::Unknown,
    };
    endpoint::serve(address, answer).await;
}
