//! A journal that a release wrote can be replayed by every later release, to the same state.
//!
//! `fixtures/rules-N` has journals with every kind of command under version N of the rules, and the hash of the state
//! to which each leads. This test replays all of them, of every version.
//!
//! # When the engine changes
//! - Until the first release is tagged, journals of rules 2 are nobody's: write the fixture again with
//!   `cargo run --release -p matchd --example journal_fixture` and commit it with the change.
//! - With the tag of the first release `fixtures/rules-2` is frozen. A change of the engine that makes this test fail
//!   then needs version 3 of the rules: the engine follows version 2 until the journal has `SetRules { version: 3 }`,
//!   and both fixtures replay. The program then writes `fixtures/rules-3`.
//! - The layout of a snapshot belongs to the version of the rules: records carry the hash of its bytes.
//! - The form of a record (`compact.rs` of the wire crate) and its schema may only gain what old records do not have.
#[path = "support/fixture.rs"]
mod fixture;

use cift_wire::{Record, WireError};
use fixture::{kind, KINDS};
use matchd::replica::Replica;
use matchd::segment::{self, hex, SegmentEntry};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The journal of one workload: replays it and returns the kinds of its commands.
fn replay(folder: &Path, workload: &str) -> BTreeSet<&'static str> {
    let read = |ending: &str| {
        let path = folder.join(format!("{workload}.{ending}"));
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let entry = SegmentEntry::from_json(&read("json")).expect("an entry of a manifest");
    let records = segment::decode(&entry, &read("records.gz")).unwrap();
    let (mut replica, mut kinds, mut events) = (Replica::empty(), BTreeSet::new(), Vec::new());
    let mut hashes = 0;
    for (record, sequence) in records.iter().zip(1..) {
        replica.replay(sequence, record).unwrap();
        let record = Record::open(record).unwrap();
        hashes += usize::from(record.header().unwrap().state_hash.is_some());
        record
            .for_each::<WireError>(&mut events, |envelope, _, _| {
                kinds.insert(kind(&envelope.command));
                Ok(())
            })
            .unwrap();
    }
    assert!(hashes > 1, "{workload}: records carry state hashes");
    let expected = String::from_utf8(read("state.blake3")).unwrap();
    assert_eq!(hex(&replica.state().0), expected.trim(), "{workload}");
    kinds
}

#[test]
fn journals_of_every_release_replay_to_the_same_state() {
    let mut versions = 0;
    for version in fs::read_dir(fixture::folder()).unwrap() {
        let folder = version.unwrap().path();
        let names: Vec<String> = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        let mut kinds = BTreeSet::new();
        for name in names.iter().filter_map(|name| name.strip_suffix(".records.gz")) {
            kinds.extend(replay(&folder, name));
        }
        if folder.ends_with(format!("rules-{}", cift_wire::limits::RULES)) {
            assert_eq!(kinds, KINDS.iter().copied().collect(), "kinds of commands");
        }
        let bytes: u64 = fs::read_dir(&folder)
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert!(bytes <= 200_000, "{}: {bytes} bytes", folder.display());
        versions += 1;
    }
    assert_eq!(
        versions,
        cift_wire::limits::RULES - 1,
        "versions 2 and later have fixtures"
    );
}

#[test]
fn the_program_writes_what_replays() {
    for (profile, seed, commands) in fixture::WORKLOADS {
        let (records, engine) = fixture::journal(profile, seed, commands);
        let mut replica = Replica::empty();
        for (record, sequence) in records.iter().zip(1..) {
            replica.replay(sequence, record).unwrap();
        }
        assert_eq!(replica.state().0, fixture::state_hash(&engine));
    }
}
