//! The command line of matchd: parses arguments and environment, calls the library, and sets the exit code.
#![forbid(unsafe_code)]
use cift_daemon::{log, secret_files};
use clap::{Parser, Subcommand};
use matchd::settings::Settings;
use matchd::{crash, service, verify};
use serde_json::{json, Value};
use std::process::ExitCode;

/// The service of the matching engine: sequences commands, journals them in JetStream, then replies.
#[derive(Parser)]
#[command(version, after_help = after_help())]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lead the shard, or stand by while another process leads. The NATS server needs JetStream with
    /// `max_payload: 8MB` and `sync_interval: always`.
    Serve {
        #[command(flatten)]
        settings: Settings,
    },
    /// Write records of the journal to the standard output. Older records are read from the archive, newer
    /// ones from the stream. Each record is its sequence (8 bytes, little-endian), its length (4 bytes,
    /// little-endian) and its bytes.
    Records {
        /// Sequence of the first record.
        #[arg(long)]
        first: u64,
        /// Sequence of the last record.
        #[arg(long)]
        last: u64,
        #[command(flatten)]
        settings: Settings,
    },
    /// Replay the journal and compare every event and state hash. Exit 1 if something differs.
    Verify {
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

fn after_help() -> String {
    format!(
        "Exit codes: 0 success, 1 a difference or failure of verify or records, 2 invalid settings, 3 the service \
         stopped because of an error.\n\nFor tests: CIFT_CRASH_AT=<point>[:n] aborts the process when it passes the point for the n-th time. Points: {}.",
        crash::POINTS.join(", ")
    )
}

fn main() -> ExitCode {
    if let Err(text) = secret_files::load_into_environment().and_then(|()| crash::arm()) {
        eprintln!("{text}");
        return ExitCode::from(2);
    }
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start the runtime: {error}");
            return ExitCode::from(2);
        }
    };
    match cli.action {
        Action::Serve { settings } => {
            log::init("matchd", &settings.daemon.log_level);
            match runtime.block_on(service::serve(settings)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(fault) => {
                    eprintln!("{fault}");
                    ExitCode::from(3)
                }
            }
        }
        Action::Records { first, last, settings } => {
            log::init("matchd", &settings.daemon.log_level);
            match runtime.block_on(verify::write_records(
                &settings,
                first,
                last,
                &mut std::io::stdout().lock(),
            )) {
                Ok(()) => ExitCode::SUCCESS,
                Err(fault) => {
                    eprintln!("{fault}");
                    ExitCode::from(1)
                }
            }
        }
        Action::Verify { json, settings } => {
            log::init("matchd", &settings.daemon.log_level);
            match runtime.block_on(verify::verify(&settings)) {
                Ok(result) if json => {
                    println!("{result}");
                    ExitCode::SUCCESS
                }
                Ok(result) => {
                    println!("{}", verified_text(&result));
                    ExitCode::SUCCESS
                }
                Err(fault) => {
                    if json {
                        println!("{}", json!({"ok": false, "difference": fault.to_string()}));
                    } else {
                        eprintln!("{fault}");
                    }
                    ExitCode::from(1)
                }
            }
        }
    }
}

fn verified_text(result: &Value) -> String {
    format!(
        "{} records and {} commands replayed: every event and state hash matches the journal. State hash: {}",
        result["records"],
        result["commands"],
        result["state_hash"].as_str().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verified_state_hash_is_printed_without_quotes() {
        let text = verified_text(&json!({"records": 7, "commands": 21, "state_hash": "0a1b"}));
        assert!(text.starts_with("7 records and 21 commands"), "{text}");
        assert!(text.ends_with("State hash: 0a1b"), "{text}");
    }
}
