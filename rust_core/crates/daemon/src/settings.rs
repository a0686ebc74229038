//! Settings that every always-on process has. A process flattens them into its own, so each is declared once.
//!
//! The address of the metrics endpoint is not here: its variable and its default port differ by process.

#[derive(clap::Args, Clone, Debug)]
pub struct DaemonSettings {
    /// URL of the NATS server with JetStream; `user:password@` or `token@` before the host, percent-encoded.
    #[arg(
        long,
        env = "CIFT_NATS_URL",
        hide_env_values = true,
        default_value = "nats://127.0.0.1:4222"
    )]
    pub nats_url: String,
    /// Name of the shard: 1 to 32 characters of a-z, 0-9 and `-`.
    #[arg(long, env = "CIFT_SHARD", default_value = "main")]
    pub shard: String,
    /// Lowest level logged: debug, info, warn, error.
    #[arg(long, env = "CIFT_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// Address of an OpenTelemetry collector that takes spans (OTLP over HTTP), such as `http://127.0.0.1:4318`. If
    /// it is empty, `OTEL_EXPORTER_OTLP_ENDPOINT` counts; if both are, nothing is traced.
    #[arg(long, env = "CIFT_OTLP_ENDPOINT", default_value = "")]
    pub otlp_endpoint: String,
}
