//! The command line of matchd; the work is in the library.
#![forbid(unsafe_code)]
use cift_daemon::{files, log};
use clap::{Parser, Subcommand};
use matchd::settings::Settings;
use matchd::{crash, service, verify};
use std::process::ExitCode;

/// The matching engine's service: sequences commands, journals them in JetStream, answers after the journal has them.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lead the shard, or stand by while another does.
    Serve {
        #[command(flatten)]
        settings: Settings,
    },
    /// Replay the journal and compare every event and state hash. Exit 1 on a difference.
    Verify {
        /// Print the result as JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        settings: Settings,
    },
}

const AFTER_HELP: &str = "For tests: CIFT_CRASH_AT=<point>[:n] aborts the process at the n-th passage of a point \
(after_engine_started, before_publish, after_publish_before_ack, after_ack_before_reply, after_reply, \
during_snapshot, during_recovery).";

fn main() -> ExitCode {
    if let Err(text) = files::into_environment().and_then(|()| crash::arm()) {
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
            eprintln!("cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    match cli.action {
        Action::Serve { settings } => {
            log::begin("matchd", &settings.log_level);
            match runtime.block_on(service::serve(settings)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(fault) => {
                    eprintln!("{fault}");
                    ExitCode::from(3)
                }
            }
        }
        Action::Verify { json, settings } => {
            log::begin("matchd", &settings.log_level);
            match runtime.block_on(verify::verify(&settings)) {
                Ok(result) if json => {
                    println!("{result}");
                    ExitCode::SUCCESS
                }
                Ok(result) => {
                    println!(
                        "{} records, {} commands: every event and state hash as journaled; state {}",
                        result["records"], result["commands"], result["state_hash"]
                    );
                    ExitCode::SUCCESS
                }
                Err(fault) => {
                    if json {
                        println!("{}", serde_json::json!({"ok": false, "difference": fault.to_string()}));
                    } else {
                        eprintln!("{fault}");
                    }
                    ExitCode::from(1)
                }
            }
        }
    }
}
