//! The command line of relay; the work is in the library.
#![forbid(unsafe_code)]
use cift_daemon::{files, log};
use clap::Parser;
use relay::service;
use relay::settings::Settings;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(sentence) = files::into_environment() {
        eprintln!("{sentence}");
        return ExitCode::from(2);
    }
    let settings = Settings::parse();
    log::begin("relay", &settings.log_level);
    // One thread: the work is waiting, and what is not is copying a batch.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("cannot start: {error}");
            return ExitCode::from(2);
        }
    };
    match runtime.block_on(service::serve(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::from(2)
        }
    }
}
