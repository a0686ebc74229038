//! What matchd tells Prometheus: counters without locks, and an endpoint small enough to need no HTTP library.
use crate::log;
use serde_json::json;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Upper bounds of the buckets of latencies, microseconds.
const LATENCY_BOUNDS_US: [u64; 12] = [
    200, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 250_000, 1_000_000, 3_000_000,
];
/// Upper bounds of the buckets of batch sizes, commands.
const BATCH_BOUNDS: [u64; 9] = [1, 2, 5, 10, 50, 100, 500, 1_000, 5_000];

pub struct Histogram {
    bounds: &'static [u64],
    counts: [AtomicU64; 13],
    sum: AtomicU64,
}
impl Histogram {
    const fn new(bounds: &'static [u64]) -> Histogram {
        Histogram {
            bounds,
            counts: [const { AtomicU64::new(0) }; 13],
            sum: AtomicU64::new(0),
        }
    }
    pub fn observe(&self, value: u64) {
        let at = self
            .bounds
            .iter()
            .position(|&bound| value <= bound)
            .unwrap_or(self.bounds.len());
        self.counts[at].fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }
    fn write(&self, out: &mut String, name: &str, per_unit: f64) {
        let _ = writeln!(out, "# TYPE {name} histogram");
        let mut total = 0;
        for (at, count) in self.counts.iter().enumerate().take(self.bounds.len() + 1) {
            total += count.load(Relaxed);
            match self.bounds.get(at) {
                Some(&bound) => drop(writeln!(
                    out,
                    "{name}_bucket{{le=\"{}\"}} {total}",
                    bound as f64 / per_unit
                )),
                None => drop(writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {total}")),
            }
        }
        let sum = self.sum.load(Relaxed) as f64 / per_unit;
        let _ = writeln!(out, "{name}_sum {sum}\n{name}_count {total}");
    }
}

macro_rules! metrics {
    ($($kind:literal $field:ident $name:literal $help:literal;)+) => {
        /// One atomic a metric; `text` is the exposition.
        pub struct Metrics {
            $(pub $field: AtomicU64,)+
            pub append: Histogram,
            pub batch: Histogram,
        }
        impl Metrics {
            pub fn new() -> Metrics {
                Metrics {
                    $($field: AtomicU64::new(0),)+
                    append: Histogram::new(&LATENCY_BOUNDS_US),
                    batch: Histogram::new(&BATCH_BOUNDS),
                }
            }
            pub fn text(&self) -> String {
                let mut out = String::new();
                $(let _ = writeln!(out, "# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}", $name, $help, $kind, self.$field.load(Relaxed));)+
                self.append.write(&mut out, "matchd_append_seconds", 1e6);
                self.batch.write(&mut out, "matchd_batch_commands", 1.0);
                out
            }
        }
    };
}
metrics! {
    "gauge" leader "matchd_leader" "1 while this process leads";
    "gauge" epoch "matchd_epoch" "Epoch of the last EngineStarted seen";
    "gauge" sequence "matchd_journal_sequence" "Last record applied";
    "gauge" journal_bytes "matchd_journal_bytes" "Size of the journal";
    "gauge" journal_max_bytes "matchd_journal_max_bytes" "Size at which the journal refuses";
    "gauge" journal_alarm "matchd_journal_alarm" "1 when the journal is nearly full";
    "gauge" queue_requests "matchd_queue_requests" "Requests waiting to be applied";
    "gauge" queue_bytes "matchd_queue_bytes" "Bytes of them";
    "gauge" fanout_lag "matchd_fanout_lag_records" "Records acknowledged and not yet fanned out";
    "gauge" snapshot_sequence "matchd_snapshot_sequence" "Record of the last snapshot stored";
    "gauge" snapshot_bytes "matchd_snapshot_bytes" "Size of the last snapshot stored";
    "counter" records "matchd_records_total" "Records appended";
    "counter" commands "matchd_commands_total" "Commands sequenced";
    "counter" refused "matchd_commands_refused_total" "Commands sequenced and refused by the rules";
    "counter" unavailable "matchd_commands_unavailable_total" "Commands refused before sequencing";
    "counter" unknown "matchd_commands_unknown_total" "Commands answered with an unknown outcome";
    "counter" conflated "matchd_quotes_conflated_total" "Outside quotes superseded within a batch";
    "counter" queries "matchd_queries_total" "Questions answered";
    "counter" terms "matchd_terms_total" "Terms of leadership begun";
    "counter" frozen "matchd_frozen_total" "Pauses of the loop after which the tail was read again";
    "counter" fanout_messages "matchd_fanout_messages_total" "Messages published to EVENTS and MARKET_DATA";
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

/// Serves `GET /metrics` and `GET /health` for ever.
pub async fn serve(address: String, metrics: Arc<Metrics>) {
    if address == "off" {
        return;
    }
    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => {
            log::error(
                "no metrics: cannot listen",
                json!({"address": address, "error": error.to_string()}),
            );
            return;
        }
    };
    loop {
        let Ok((mut socket, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            let mut request = [0; 1024];
            let read = tokio::time::timeout(Duration::from_secs(2), socket.read(&mut request)).await;
            let Ok(Ok(length)) = read else { return };
            let (status, body) = match request[..length].split(|&b| b == b' ').nth(1) {
                Some(b"/metrics") => ("200 OK", metrics.text()),
                Some(b"/health") => ("200 OK", "ok\n".to_owned()),
                _ => ("404 Not Found", "not found\n".to_owned()),
            };
            let reply = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(reply.as_bytes()).await;
        });
    }
}
