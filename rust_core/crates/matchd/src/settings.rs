//! Settings, each a flag and an environment variable, and the limits that are not settings.
use cift_daemon::settings::DaemonSettings;
use std::time::Duration;

/// Requests waiting to be applied; beyond: `queue_full`.
pub const DEFAULT_QUEUE_REQUESTS: usize = 20_000;
/// Bytes of requests waiting to be applied; beyond: `queue_full`.
pub const DEFAULT_QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// Share of the journal's space for orders above which an alarm is raised.
pub const JOURNAL_ALARM_PERCENT: u64 = 80;
/// Pause between snapshots that are taken because the journal is nearly full.
pub const SNAPSHOT_PAUSE: Duration = Duration::from_secs(3);
/// Queries answered in one turn of the loop.
pub const QUERIES_PER_TURN: usize = 32;
/// Bytes of a record beyond its usual size that quotes may use, so that orders cannot fill it alone.
pub const QUOTES_SHARE_BYTES: usize = 128 * 1024;
/// Snapshots kept.
pub const SNAPSHOTS_KEPT: usize = 3;
/// Records read ahead in a replay.
pub const READ_AHEAD_RECORDS: usize = 16;
/// Open orders that the engine has capacity for before it grows (about 0.3 KB each).
pub const WARM_ORDERS: usize = 1 << 16;
/// Request keys that the engine has capacity for before it grows (about 0.15 KB each).
pub const WARM_REQUESTS: usize = 1 << 18;
/// Books with reserved capacity: the first ones defined (about 0.25 MB each). Later books grow with use.
pub const WARM_BOOKS: usize = 64;
/// Orders on each side of a book with reserved capacity.
pub const WARM_BOOK_ORDERS: usize = 1 << 10;
/// Prices on each side of a book with reserved capacity, in ticks.
pub const WARM_BOOK_TICKS: usize = 1 << 10;
/// Longest graceful stop.
pub const STOP_WITHIN: Duration = Duration::from_secs(8);
/// Longest wait of the loop without a timer.
pub const TICK: Duration = Duration::from_millis(200);
/// Records queued for the fan-out; beyond, the fan-out reads them from the journal.
pub const FANOUT_QUEUE_RECORDS: usize = 256;
/// Records that the fan-out publishes again when UPDATES (a memory stream) is gone.
pub const FANOUT_REBUILD_RECORDS: u64 = 10_000;
/// Size limit of UPDATES.
pub const FANOUT_STREAM_BYTES: i64 = 128 * 1024 * 1024;

#[derive(clap::Args, Clone, Debug)]
pub struct Settings {
    #[command(flatten)]
    pub daemon: DaemonSettings,
    /// Address of metrics and health, or `off`.
    #[arg(long, env = "CIFT_MATCHD_METRICS", default_value = "127.0.0.1:9101")]
    pub metrics: String,
    /// Size in bytes at which the journal rejects new records.
    #[arg(long, env = "CIFT_JOURNAL_MAX_BYTES", default_value_t = 8 << 30)]
    pub journal_max_bytes: u64,
    /// Id of the journal. With it, matchd uses no other journal and creates none. Without it, the first journal that the
    /// process opens is the only one that it uses.
    #[arg(long, env = "CIFT_JOURNAL_ID", default_value = "")]
    pub journal_id: String,
    /// Replicas of the journal (1 on one node, 3 in a cluster).
    #[arg(long, env = "CIFT_JOURNAL_REPLICAS", default_value_t = 1)]
    pub journal_replicas: usize,
    /// Records between snapshots.
    #[arg(long, env = "CIFT_SNAPSHOT_RECORDS", default_value_t = 20_000)]
    pub snapshot_records: u64,
    /// Journal bytes between snapshots.
    #[arg(long, env = "CIFT_SNAPSHOT_BYTES", default_value_t = 1 << 30)]
    pub snapshot_bytes: u64,
    /// Where records go that leave the journal: a folder, or `s3://bucket/prefix`. Empty: the journal is not cut.
    #[arg(long, env = "CIFT_ARCHIVE", default_value = "")]
    pub archive: String,
    /// Size in bytes of the archive beyond which its oldest segments are deleted.
    #[arg(long, env = "CIFT_ARCHIVE_MAX_BYTES", default_value_t = 1 << 40)]
    pub archive_max_bytes: u64,
    /// The journal is cut when this many bytes can leave it.
    #[arg(long, env = "CIFT_CUT_BYTES", default_value_t = 64 << 20)]
    pub cut_bytes: u64,
    /// An append without a PubAck after this time is in doubt.
    #[arg(long, env = "CIFT_APPEND_TIMEOUT_MS", default_value_t = 3_000)]
    pub append_timeout_ms: u64,
    /// A standby takes over when the leader answers none of three owner queries within this time.
    #[arg(long, env = "CIFT_LEADER_TIMEOUT_MS", default_value_t = 2_000)]
    pub leader_timeout_ms: u64,
    /// After a pause of its loop longer than this, the leader reads the journal's tail before it replies.
    #[arg(long, env = "CIFT_STALL_MS", default_value_t = 1_000)]
    pub stall_ms: u64,
    /// Requests that may wait to be applied.
    #[arg(long, env = "CIFT_QUEUE_REQUESTS", default_value_t = DEFAULT_QUEUE_REQUESTS)]
    pub queue_requests: usize,
    /// Bytes of requests that may wait to be applied.
    #[arg(long, env = "CIFT_QUEUE_BYTES", default_value_t = DEFAULT_QUEUE_BYTES)]
    pub queue_bytes: usize,
    /// Items (trades, quotes, changes of orders and books) that the fan-out publishes per second at most; at the
    /// limit it lags instead of slowing the order path.
    #[arg(long, env = "CIFT_FANOUT_RATE", default_value_t = 100_000)]
    pub fanout_rate: u64,
}

impl Settings {
    pub fn append_timeout(&self) -> Duration {
        Duration::from_millis(self.append_timeout_ms)
    }
    pub fn stall(&self) -> Duration {
        Duration::from_millis(self.stall_ms)
    }
}
