//! Metrics and health of matchd. Counters need no locks.
use crate::health::Health;
use cift_daemon::endpoint::{self, Response};
use cift_daemon::histogram::Histogram;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;

/// Upper bounds of the latency buckets, in microseconds.
const LATENCY_BOUNDS_US: [u64; 12] = [
    200, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 250_000, 1_000_000, 3_000_000,
];
/// Upper bounds of the batch size buckets, in commands.
const BATCH_BOUNDS: [u64; 9] = [1, 2, 5, 10, 50, 100, 500, 1_000, 5_000];

macro_rules! metrics {
    ($($kind:literal $field:ident $name:literal $help:literal;)+) => {
        /// One atomic per metric; `text` is the Prometheus exposition.
        pub struct Metrics {
            $(pub $field: AtomicU64,)+
            pub health: Health,
            pub append: Histogram,
            pub batch: Histogram,
        }
        impl Metrics {
            pub fn new() -> Metrics {
                Metrics {
                    $($field: AtomicU64::new(0),)+
                    health: Health::new(),
                    append: Histogram::new(&LATENCY_BOUNDS_US),
                    batch: Histogram::new(&BATCH_BOUNDS),
                }
            }
            pub fn text(&self) -> String {
                let mut out = String::new();
                $(let _ = writeln!(out, "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}", $name, $help, $kind, self.$field.load(Relaxed));)+
                self.health.write_metrics(&mut out);
                for (name, help, histogram, per_unit) in [
                    ("matchd_append_seconds", "Time from sending a record to its PubAck", &self.append, 1e6),
                    ("matchd_batch_commands", "Commands of one record", &self.batch, 1.0),
                ] {
                    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} histogram");
                    histogram.write(&mut out, name, "", per_unit);
                }
                out
            }
        }
    };
}
metrics! {
    "gauge" leader "matchd_leader" "1 while this process leads";
    "gauge" epoch "matchd_epoch" "Epoch of the last EngineStarted applied";
    "gauge" sequence "matchd_journal_sequence" "Last record applied";
    "gauge" journal_bytes "matchd_journal_bytes" "Size of the journal";
    "gauge" journal_max_bytes "matchd_journal_max_bytes" "Size at which the journal rejects new records";
    "gauge" journal_alarm "matchd_journal_alarm" "1 when the journal is nearly full";
    "counter" cut_records "matchd_journal_cut_records_total" "Records moved from the journal to the archive";
    "gauge" cut_failed "matchd_journal_cut_failed" "1 if the last cut of the journal failed";
    "gauge" clock_alarm "matchd_clock_alarm" "1 while the wall clock is a second or more away from the time of the journal";
    "counter" panics "matchd_panics_total" "Panics of the engine, each followed by a recovery";
    "gauge" queue_requests "matchd_queue_requests" "Requests waiting to be applied";
    "gauge" queue_bytes "matchd_queue_bytes" "Bytes of requests waiting to be applied";
    "gauge" fanout_lag "matchd_fanout_lag_records" "Records acknowledged but not yet published by the fan-out";
    "gauge" snapshot_sequence "matchd_snapshot_sequence" "Journal sequence of the last stored snapshot";
    "gauge" snapshot_bytes "matchd_snapshot_bytes" "Size of the last stored snapshot";
    "counter" records "matchd_records_total" "Records appended";
    "counter" commands "matchd_commands_total" "Commands sequenced";
    "counter" refused "matchd_commands_refused_total" "Commands sequenced and refused by the rules";
    "counter" untraced "matchd_commands_untraced_total" "Commands refused or repeated that changed nothing, which are not in the journal";
    "counter" unavailable "matchd_commands_unavailable_total" "Commands rejected before sequencing";
    "counter" unknown "matchd_commands_unknown_total" "Commands answered with an unknown outcome";
    "counter" conflated "matchd_quotes_conflated_total" "Outside quotes superseded within a batch";
    "counter" queries "matchd_queries_total" "Queries answered";
    "counter" terms "matchd_terms_total" "Terms of leadership started";
    "counter" stalls "matchd_stalls_total" "Stalls of the loop, each followed by a read of the journal's tail";
    "counter" fanout_messages "matchd_fanout_messages_total" "Items published to UPDATES";
}
impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}
impl Metrics {
    pub fn set(gauge: &AtomicU64, value: u64) {
        gauge.store(value, Relaxed);
    }
    pub fn add(counter: &AtomicU64, value: u64) {
        counter.fetch_add(value, Relaxed);
    }
}

/// Serves `GET /metrics`, `/health` and `/ready` (readiness, with the reason if it is not ready) and `/live` (liveness); see [`endpoint::serve`].
pub async fn serve(address: String, metrics: Arc<Metrics>) {
    let respond = move |path: &str| match path {
        "/metrics" => Response::Ok(metrics.text()),
        "/health" | "/ready" => metrics.health.ready(),
        "/live" => metrics.health.live(),
        _ => Response::NotFound,
    };
    endpoint::serve(address, respond).await;
}
