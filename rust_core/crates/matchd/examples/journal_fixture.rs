//! Writes the fixture journals of the rules in force: `cargo run --release -p matchd --example journal_fixture`.
//!
//! The header of `tests/journal_stays_readable.rs` states when that is allowed.
#[path = "../tests/support/fixture.rs"]
mod fixture;

use matchd::segment::{self, hex};
use std::fs;

fn main() {
    let folder = fixture::folder().join(format!("rules-{}", cift_wire::limits::RULES));
    fs::create_dir_all(&folder).expect("the folder can be created");
    for (profile, seed, commands) in fixture::WORKLOADS {
        let (records, engine) = fixture::journal(profile, seed, commands);
        let (entry, file) = segment::encode(1, &records).expect("the records can be read");
        let file_of = |ending: &str| folder.join(format!("{}.{ending}", profile.name()));
        fs::write(file_of("records.gz"), &file).expect("the fixture can be written");
        fs::write(file_of("json"), entry.to_json()).expect("the fixture can be written");
        let state = hex(&fixture::state_hash(&engine));
        fs::write(file_of("state.blake3"), format!("{state}\n")).expect("the fixture can be written");
        println!(
            "{}: {} records, {} commands, {} bytes, state {state}",
            profile.name(),
            records.len(),
            engine.sequence(),
            file.len()
        );
    }
}
