//! Settings, each a flag and an environment variable, and the bounds that are no settings.
use std::path::PathBuf;
use std::time::Duration;

/// Bytes of one POST, unless a single message is larger.
pub const POST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes that one pull may bring: above NATS' largest message (8 MiB and its headers), or that would never come.
pub const PULL_BYTES_MAX: usize = 9 * 1024 * 1024;
/// A pull ends after this; the next one asks again.
pub const PULL_EXPIRES: Duration = Duration::from_secs(5);
/// A pull whose end was not told by then is lost.
pub const PULL_SILENCE: Duration = Duration::from_secs(7);
/// JetStream brings again what is neither acknowledged nor in progress for so long.
pub const ACK_WAIT: Duration = Duration::from_secs(60);
/// How often what is held is said to be in progress.
pub const KEEP_EVERY: Duration = Duration::from_secs(20);
/// A question to JetStream.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Opening a connection to a function.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
pub const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// The first wait after a failure, and the longest.
pub const BACK_OFF_FROM: Duration = Duration::from_millis(100);
pub const BACK_OFF_TO: Duration = Duration::from_secs(2);
/// A projector that stopped at a poison tries again after this: somebody may have repaired its store.
pub const POISON_RETRY: Duration = Duration::from_secs(30);
/// A handler that has failed for so long is an alarm.
pub const ALARM_AFTER: Duration = Duration::from_secs(5);
/// How often JetStream is asked for the lag of each handler.
pub const LAG_EVERY: Duration = Duration::from_secs(5);
/// A graceful stop waits so long for what is in flight.
pub const STOP_WITHIN: Duration = Duration::from_secs(15);
/// Requests for replay that may wait for a handler; beyond, they are refused.
pub const REPLAYS_WAITING_MAX: usize = 16;
/// Handlers of one configuration.
pub const HANDLERS_MAX: usize = 1_000;
/// Messages of one batch that a configuration may ask for.
pub const BATCH_MAX: usize = 10_000;
/// Bytes of a sentence that a dead letter keeps.
pub const REASON_BYTES_MAX: usize = 1024;

/// Bring streams and due times to event functions.
#[derive(clap::Parser, Clone, Debug)]
#[command(version, about, long_about = None)]
pub struct Settings {
    /// JSON file with the handlers: `{"handlers": [{"function", "url", "kind", "timeout_seconds", …}]}`.
    #[arg(long, env = "CIFT_RELAY_CONFIG")]
    pub config: PathBuf,
    /// NATS server with JetStream; `user:password@` or `token@` before the host, percent-encoded.
    #[arg(
        long,
        env = "CIFT_NATS_URL",
        hide_env_values = true,
        default_value = "nats://127.0.0.1:4222"
    )]
    pub nats_url: String,
    /// The shard whose streams these are.
    #[arg(long, env = "CIFT_SHARD", default_value = "main")]
    pub shard: String,
    /// Address of `/metrics` and `/health`, or `off`.
    #[arg(long, env = "CIFT_RELAY_METRICS", default_value = "127.0.0.1:9102")]
    pub metrics: String,
    /// What a function may take to wake, beside the time that is its own.
    #[arg(long, env = "CIFT_RELAY_COLD_START_SECONDS", default_value_t = 30)]
    pub cold_start_seconds: u64,
    /// Smallest level logged: debug, info, warn, error.
    #[arg(long, env = "CIFT_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

impl Settings {
    pub fn cold_start(&self) -> Duration {
        Duration::from_secs(self.cold_start_seconds)
    }
}
