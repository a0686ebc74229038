//! Writes `src/dictionary.bin`, with which records are compressed (`src/compact.rs`).
//!
//! `cargo run -p cift-wire --example dictionary`. **Only before a release of its form**: no journal that was written
//! with another dictionary can be read afterwards. The fixture journal of `matchd` must be written again too.
#[path = "../tests/samples/flow.rs"]
mod flow;

use cift_engine::Outcome;
use std::collections::HashSet;
use std::path::Path;

/// Bytes of the dictionary. A record pays for each: the compressor reads the whole dictionary.
const DICTIONARY_BYTES: usize = 2_048;

fn main() {
    let mut dictionary = Vec::new();
    // One record of each class: what a command is, whether its order ended, and how many events it has.
    let mut seen = HashSet::new();
    for sample in flow::samples(1, 0xd1c7, 4_000) {
        let (command, outcome, events) = &sample.applied[0];
        let ended = matches!(outcome, Outcome::Done { order: Some(order), .. } if order.reason.is_some());
        let class = (std::mem::discriminant(command), ended, events.len().min(6));
        if seen.insert(class) {
            dictionary.splice(0..0, cift_wire::pack_words(&sample.message()));
        }
    }
    let surplus = dictionary.len().saturating_sub(DICTIONARY_BYTES);
    dictionary.drain(..surplus);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dictionary.bin");
    std::fs::write(&file, &dictionary).expect("the dictionary can be written");
    println!("{}: {} bytes, {} classes", file.display(), dictionary.len(), seen.len());
}
