//! Metrics and health of relay: one line per handler. Counters need no locks.
use cift_daemon::endpoint::{self, Response};
use cift_daemon::histogram::Histogram;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Upper bounds of the buckets of POST durations, in milliseconds: from a warm projector to a cold start
/// and longer.
const POST_BOUNDS_MS: [u64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 15_000, 60_000];

macro_rules! metrics {
    ($($kind:literal $field:ident $name:literal $help:literal;)+) => {
        /// Metrics of one handler.
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
    "gauge" lag "relay_lag_messages" "Messages of the stream that the handler has not acknowledged";
    "gauge" sequence "relay_sequence" "Sequence of the last handled message, or due time in seconds since 1970";
    "gauge" alarm "relay_alarm" "1 while the handler has been failing for 5 s, or is stopped at a poison message";
    "gauge" stopped "relay_stopped" "1 while a projector is stopped at a poison message, which it must not skip";
    "gauge" last_success "relay_last_success_timestamp_seconds" "Time of the last 2xx response";
    "counter" batches "relay_batches_total" "Batches (or due times) handled";
    "counter" messages "relay_messages_total" "Messages handled";
    "counter" bytes "relay_bytes_total" "Bytes of handled batches";
    "counter" retries "relay_retries_total" "POSTs that failed and were retried";
    "counter" rewinds "relay_rewinds_total" "Times the function expected another record";
    "counter" poison "relay_poison_total" "Poison messages stored in DLQ";
    "counter" replayed "relay_replayed_total" "Dead letters that were replayed and accepted";
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

/// Metrics of the process.
pub struct Metrics {
    pub handlers: Vec<Arc<HandlerMetrics>>,
    connected: AtomicBool,
}

impl Metrics {
    pub fn new(functions: impl Iterator<Item = String>) -> Metrics {
        Metrics {
            handlers: functions.map(|f| Arc::new(HandlerMetrics::new(&f))).collect(),
            connected: AtomicBool::new(false),
        }
    }
    /// Sets whether NATS is connected. Returns the value before.
    pub fn set_connected(&self, connected: bool) -> bool {
        self.connected.swap(connected, Relaxed)
    }
    pub fn text(&self) -> String {
        let mut out = format!(
            "# HELP relay_nats_connected 1 while connected to NATS\n# TYPE relay_nats_connected gauge\nrelay_nats_connected {}\n",
            u8::from(self.connected.load(Relaxed))
        );
        write_all(&mut out, &self.handlers);
        out.push_str("# HELP relay_post_seconds Time to the response of a POST\n# TYPE relay_post_seconds histogram\n");
        for handler in &self.handlers {
            let labels = format!("function=\"{}\"", handler.function);
            handler.post.write(&mut out, "relay_post_seconds", &labels, 1e3);
        }
        out
    }
}

/// Serves `GET /metrics` and `/health`; see [`endpoint::serve`]. relay is healthy while it responds: a
/// restart does not help if NATS or a function is not available.
pub async fn serve(address: String, metrics: Arc<Metrics>) {
    let respond = move |path: &str| match path {
        "/metrics" => Response::Ok(metrics.text()),
        "/health" => Response::Ok("ok\n".into()),
        _ => Response::NotFound,
    };
    endpoint::serve(address, respond).await;
}
