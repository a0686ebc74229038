//! Settings, each a flag and an environment variable, and the bounds that are no settings.
use std::time::Duration;

/// Requests waiting to be applied; beyond: `queue_full`.
pub const DEFAULT_QUEUE_REQUESTS: usize = 20_000;
/// Bytes of requests waiting to be applied; beyond: `queue_full`.
pub const DEFAULT_QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// Share of the journal after which an alarm is raised.
pub const JOURNAL_ALARM_PERCENT: u64 = 80;
/// Space of the journal that commands may not use, so that a leader can still start and say `journal_full`.
pub const JOURNAL_RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// Snapshots kept.
pub const SNAPSHOTS_KEPT: usize = 3;
/// Records read ahead in a replay.
pub const READ_AHEAD_RECORDS: usize = 16;
/// Open orders that the engine has room for before it grows (about 0.3 KB each).
pub const WARM_ORDERS: usize = 1 << 16;
/// Request keys that the engine has room for before it grows (about 0.15 KB each).
pub const WARM_REQUESTS: usize = 1 << 18;
/// Books that get room beforehand, the first to be defined (about 0.25 MB each); further ones grow with use.
pub const WARM_BOOKS: usize = 64;
/// Orders on each side of such a book.
pub const WARM_BOOK_ORDERS: usize = 1 << 10;
/// Prices on each side of such a book, in ticks.
pub const WARM_BOOK_TICKS: usize = 1 << 10;
/// A graceful stop takes no longer than this.
pub const STOP_WITHIN: Duration = Duration::from_secs(8);
/// Longest loop turn without a timer.
pub const TICK: Duration = Duration::from_millis(200);
/// Records handed to the fan-out and not yet published; beyond, it reads them from the journal.
pub const FANOUT_QUEUE_RECORDS: usize = 256;
/// Records that are fanned out again when EVENTS or MARKET_DATA are gone (memory streams).
pub const FANOUT_REBUILD_RECORDS: u64 = 10_000;
/// Size of EVENTS and of MARKET_DATA, each.
pub const FANOUT_STREAM_BYTES: i64 = 64 * 1024 * 1024;

#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    /// NATS server with JetStream (max_payload 8MB, sync_interval always); `user:password@` or `token@` before the host,
    /// percent-encoded.
    #[arg(
        long,
        env = "CIFT_NATS_URL",
        hide_env_values = true,
        default_value = "nats://127.0.0.1:4222"
    )]
    pub nats_url: String,
    /// The shard to serve.
    #[arg(long, env = "CIFT_SHARD", default_value = "main")]
    pub shard: String,
    /// Address of the Prometheus endpoint, or `off`.
    #[arg(long, env = "CIFT_MATCHD_METRICS", default_value = "127.0.0.1:9101")]
    pub metrics: String,
    /// Size at which the journal refuses new records.
    #[arg(long, env = "CIFT_JOURNAL_MAX_BYTES", default_value_t = 8 << 30)]
    pub journal_max_bytes: u64,
    /// Replicas of the journal (1 on one node, 3 in a cluster).
    #[arg(long, env = "CIFT_JOURNAL_REPLICAS", default_value_t = 1)]
    pub journal_replicas: usize,
    /// Records between snapshots.
    #[arg(long, env = "CIFT_SNAPSHOT_RECORDS", default_value_t = 20_000)]
    pub snapshot_records: u64,
    /// Journal bytes between snapshots.
    #[arg(long, env = "CIFT_SNAPSHOT_BYTES", default_value_t = 1 << 30)]
    pub snapshot_bytes: u64,
    /// An append not acknowledged within this is in doubt.
    #[arg(long, env = "CIFT_APPEND_TIMEOUT_MS", default_value_t = 3_000)]
    pub append_timeout_ms: u64,
    /// A leader that answers none of three asks within this is taken for dead.
    #[arg(long, env = "CIFT_PATIENCE_MS", default_value_t = 2_000)]
    pub patience_ms: u64,
    /// A loop that stood still for longer reads the tail of the journal before it answers anything.
    #[arg(long, env = "CIFT_FREEZE_MS", default_value_t = 1_000)]
    pub freeze_ms: u64,
    /// Requests that may wait to be applied.
    #[arg(long, env = "CIFT_QUEUE_REQUESTS", default_value_t = DEFAULT_QUEUE_REQUESTS)]
    pub queue_requests: usize,
    /// Bytes of requests that may wait to be applied.
    #[arg(long, env = "CIFT_QUEUE_BYTES", default_value_t = DEFAULT_QUEUE_BYTES)]
    pub queue_bytes: usize,
    /// Messages a second that the fan-out publishes at most, so that it does not starve the order path; it lags then.
    #[arg(long, env = "CIFT_FANOUT_RATE", default_value_t = 20_000)]
    pub fanout_rate: u64,
    /// Smallest level logged: debug, info, warn, error.
    #[arg(long, env = "CIFT_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

impl Settings {
    pub fn append_timeout(&self) -> Duration {
        Duration::from_millis(self.append_timeout_ms)
    }
    pub fn freeze(&self) -> Duration {
        Duration::from_millis(self.freeze_ms)
    }
    /// Bytes of the journal that commands may use.
    pub fn journal_usable_bytes(&self) -> u64 {
        self.journal_max_bytes - JOURNAL_RESERVE_BYTES.min(self.journal_max_bytes / 8)
    }
}
