//! Settings, each a flag and an environment variable, and the limits that are not settings.
use cift_daemon::settings::DaemonSettings;
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of one POST; a single larger message is posted alone.
pub const POST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes that one pull may deliver. It is above the largest NATS message (8 MiB and its headers): a pull
/// with a smaller limit would never deliver such a message.
pub const PULL_BYTES_MAX: usize = 9 * 1024 * 1024;
/// A pull request expires after this; the next one follows.
pub const PULL_EXPIRES: Duration = Duration::from_secs(5);
/// A pull request without an end from the server after this is lost.
pub const PULL_LOST_AFTER: Duration = Duration::from_secs(7);
/// JetStream redelivers a message that is neither acknowledged nor in progress for this long.
pub const ACK_WAIT: Duration = Duration::from_secs(60);
/// Longest time that a configuration may let a message wait for others. It is below `ACK_WAIT`.
pub const LINGER_MAX: Duration = Duration::from_secs(20);
/// Interval at which held messages are reported as in progress.
pub const IN_PROGRESS_EVERY: Duration = Duration::from_secs(20);
/// Timeout of a request to JetStream.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// Timeout for connecting to a function.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a response body that are read.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;
/// The shortest and the longest wait after a failure.
pub const BACK_OFF_FROM: Duration = Duration::from_millis(100);
pub const BACK_OFF_TO: Duration = Duration::from_secs(2);
/// A projector that stopped at a poison message retries after this: its store may have been repaired.
pub const POISON_RETRY: Duration = Duration::from_secs(30);
/// A handler that has failed for longer raises the alarm.
pub const ALARM_AFTER: Duration = Duration::from_secs(5);
/// Interval at which the lag of each handler is read from JetStream.
pub const LAG_EVERY: Duration = Duration::from_secs(5);
/// Longest wait of a graceful stop for requests in flight.
pub const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Replay requests that may wait for a handler; further ones are rejected.
pub const REPLAYS_WAITING_MAX: usize = cift_wire::limits::MAX_REPLAYS_WAITING;
/// Handlers in one configuration.
pub const HANDLERS_MAX: usize = 1_000;
/// Messages per batch that a configuration may set.
pub const BATCH_MAX: usize = cift_wire::limits::MAX_MESSAGES_PER_DELIVERY;
/// Bytes of the reason in a dead letter.
pub const REASON_BYTES_MAX: usize = cift_wire::limits::MAX_DEAD_LETTER_REASON_BYTES;

/// Deliver the messages of streams to event functions, and call timed functions when they are due.
#[derive(clap::Parser, Clone, Debug)]
#[command(version, about, long_about = None)]
pub struct Settings {
    #[command(flatten)]
    pub daemon: DaemonSettings,
    /// JSON file with the handlers: `{"handlers": [{"function", "url", "kind", "timeout_seconds", …}]}`.
    #[arg(long, env = "CIFT_RELAY_CONFIG")]
    pub config: PathBuf,
    /// Address of metrics and health, or `off`.
    #[arg(long, env = "CIFT_RELAY_METRICS", default_value = "127.0.0.1:9102")]
    pub metrics: String,
    /// Seconds that a function may take to start, in addition to its own timeout.
    #[arg(long, env = "CIFT_RELAY_COLD_START_SECONDS", default_value_t = 30)]
    pub cold_start_seconds: u64,
}

impl Settings {
    pub fn cold_start(&self) -> Duration {
        Duration::from_secs(self.cold_start_seconds)
    }
}
