//! The command line of relay. The library does the work.
#![forbid(unsafe_code)]
use cift_daemon::{log, secret_files};
use clap::Parser;
use relay::service;
use relay::settings::Settings;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(reason) = secret_files::load_into_environment() {
        eprintln!("{reason}");
        return ExitCode::from(2);
    }
    let settings = Settings::parse();
    log::init("relay", &settings.daemon.log_level);
    // One thread is enough: relay mostly waits, and otherwise copies a batch.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start the runtime: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(service::serve(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::from(2)
        }
    }
}
