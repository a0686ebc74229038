//! Snapshots of acknowledged state in the object store. With a snapshot, recovery does not read the whole
//! journal.
//!
//! An object is a fixed header (magic, position in the journal, checksum) and the engine's canonical bytes.
//! A snapshot is used only if its checksum is right *and* the journal has its record with its hash. A
//! damaged snapshot is skipped for an older one. If an intact snapshot names a record that the journal does
//! not have, the journal was truncated or replaced, and the process does not start.
use crate::crash;
use crate::fault::{nats, Fault};
use crate::journal::Journal;
use crate::replica::Replica;
use crate::settings::SNAPSHOTS_KEPT;
use cift_daemon::log;
use cift_engine::Engine;
use cift_wire::{blake3, subject, RecordHash};
use futures_util::StreamExt;
use serde_json::json;
use tokio::io::AsyncReadExt;

const MAGIC: &[u8; 8] = b"CIFTSNP2";
const HEADER_BYTES: usize = 8 + 8 + 32 + 8 + 8 + 4 + 32;
const PREFIX: &str = "snapshot-";

/// The record after which a snapshot was taken, and the state that is not in the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalPosition {
    pub sequence: u64,
    pub hash: RecordHash,
    pub timestamp: i64,
    pub epoch: u64,
    pub rules: u32,
}

/// Encodes the object.
pub fn encode(position: &JournalPosition, state: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + state.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&position.sequence.to_le_bytes());
    out.extend_from_slice(&position.hash);
    out.extend_from_slice(&position.timestamp.to_le_bytes());
    out.extend_from_slice(&position.epoch.to_le_bytes());
    out.extend_from_slice(&position.rules.to_le_bytes());
    let mut checksum = out.clone();
    checksum.extend_from_slice(state);
    out.extend_from_slice(&blake3(&checksum));
    out.extend_from_slice(state);
    out
}

/// Decodes an object of [`encode`]. The error states what is wrong with it.
pub fn decode(bytes: &[u8]) -> Result<(JournalPosition, &[u8]), &'static str> {
    if bytes.len() < HEADER_BYTES || &bytes[..8] != MAGIC {
        return Err("not a snapshot, or a snapshot of another version");
    }
    let (header, state) = bytes.split_at(HEADER_BYTES);
    let (fields, checksum) = header.split_at(HEADER_BYTES - 32);
    if blake3(&[fields, state].concat()) != checksum {
        return Err("wrong checksum");
    }
    let word = |at: usize| {
        let mut word = [0; 8];
        word.copy_from_slice(&fields[at..at + 8]);
        word
    };
    let mut hash = [0; 32];
    hash.copy_from_slice(&fields[16..48]);
    let mut rules = [0; 4];
    rules.copy_from_slice(&fields[64..68]);
    let position = JournalPosition {
        sequence: u64::from_le_bytes(word(8)),
        hash,
        timestamp: i64::from_le_bytes(word(48)),
        epoch: u64::from_le_bytes(word(56)),
        rules: u32::from_le_bytes(rules),
    };
    Ok((position, state))
}

fn object_name(sequence: u64) -> String {
    format!("{PREFIX}{sequence:020}")
}

/// Names of the stored snapshots, newest first.
pub async fn names(journal: &Journal, shard: &str) -> Result<Vec<String>, Fault> {
    let store = journal
        .context
        .get_object_store(&subject::snapshots(shard))
        .await
        .map_err(|e| nats("cannot open the bucket of snapshots")(e.into()))?;
    let mut list = store
        .list()
        .await
        .map_err(|e| nats("cannot list the snapshots")(e.into()))?;
    let mut names = Vec::new();
    while let Some(object) = list.next().await {
        let object = object.map_err(|e| nats("cannot list the snapshots")(e.into()))?;
        if object.name.starts_with(PREFIX) {
            names.push(object.name);
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

/// Stores a snapshot and deletes the oldest. Returns the size of the object. Runs in the background of a
/// term.
pub async fn upload(journal: &Journal, shard: &str, position: JournalPosition, state: Vec<u8>) -> Result<usize, Fault> {
    let bytes = encode(&position, &state);
    drop(state);
    crash::point("during_snapshot");
    let store = journal
        .context
        .get_object_store(&subject::snapshots(shard))
        .await
        .map_err(|e| nats("cannot open the bucket of snapshots")(e.into()))?;
    store
        .put(object_name(position.sequence).as_str(), &mut bytes.as_slice())
        .await
        .map_err(|e| nats("cannot store a snapshot")(e.into()))?;
    for old in names(journal, shard).await?.into_iter().skip(SNAPSHOTS_KEPT) {
        store
            .delete(&old)
            .await
            .map_err(|e| nats("cannot delete an old snapshot")(e.into()))?;
    }
    Ok(bytes.len())
}

/// The bytes of a stored snapshot.
pub async fn download(journal: &Journal, shard: &str, name: &str) -> Result<Vec<u8>, Fault> {
    let store = journal
        .context
        .get_object_store(&subject::snapshots(shard))
        .await
        .map_err(|e| nats("cannot open the bucket of snapshots")(e.into()))?;
    let mut bytes = Vec::new();
    let mut object = store
        .get(name)
        .await
        .map_err(|e| nats("cannot read a snapshot")(e.into()))?;
    object
        .read_to_end(&mut bytes)
        .await
        .map_err(|e| nats("cannot read a snapshot")(e.into()))?;
    Ok(bytes)
}

/// Restores the newest intact snapshot of this journal. Without one, returns an empty replica.
pub async fn restore_newest(journal: &Journal, shard: &str) -> Result<Replica, Fault> {
    restore_up_to(journal, shard, u64::MAX).await
}

/// Restores the newest intact snapshot that was taken after record `newest` or before it. Without one, returns an
/// empty replica.
pub async fn restore_up_to(journal: &Journal, shard: &str, newest: u64) -> Result<Replica, Fault> {
    let newest_name = object_name(newest);
    for name in names(journal, shard)
        .await?
        .into_iter()
        .filter(|name| *name <= newest_name)
    {
        let restored = match download(journal, shard, &name).await {
            Err(error) => Err(error.to_string()),
            Ok(bytes) => {
                if let Ok((position, _)) = decode(&bytes) {
                    check_in_journal(journal, &name, &position).await?;
                }
                replica(&bytes)
            }
        };
        match restored {
            Ok(replica) => return Ok(replica),
            Err(problem) => log::warn("snapshot skipped", json!({"snapshot": name, "problem": problem})),
        }
    }
    // The archive is needed only if the stream no longer begins at the first record.
    if let (Some(archive), true) = (&journal.archive, journal.tail().await?.first > 1) {
        for sequence in archive.snapshots().await?.into_iter().rev().filter(|at| *at <= newest) {
            match replica(&archive.snapshot(sequence).await?) {
                Ok(replica) => return Ok(replica),
                Err(problem) => log::warn("snapshot skipped", json!({"archived": sequence, "problem": problem})),
            }
        }
    }
    Ok(Replica::empty())
}

/// The replica of a snapshot's bytes. The error states what is wrong with them.
pub fn replica(bytes: &[u8]) -> Result<Replica, String> {
    let (position, state) = decode(bytes)?;
    let engine = Engine::restore(state).map_err(|error| error.0.to_owned())?;
    let JournalPosition {
        sequence,
        hash,
        timestamp,
        epoch,
        rules,
    } = position;
    Ok(Replica::at(engine, sequence, hash, timestamp, epoch, rules))
}

/// Checks that the journal has the record of a snapshot. If not, returns [`Fault::Halt`].
async fn check_in_journal(journal: &Journal, name: &str, position: &JournalPosition) -> Result<(), Fault> {
    if position.sequence == 0 {
        return Ok(());
    }
    match journal.record(position.sequence).await? {
        Some(record) if blake3(&record) == position.hash => Ok(()),
        Some(_) => Err(Fault::Halt(format!(
            "{name} names record {} with another hash than the journal: the journal was replaced. matchd does not start",
            position.sequence
        ))),
        None => Err(Fault::Halt(format!(
            "{name} names record {}, which the journal does not have: the journal was truncated or replaced. \
             matchd does not start",
            position.sequence
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_is_decoded_and_damage_is_detected() {
        let position = JournalPosition {
            sequence: 7,
            hash: [3; 32],
            timestamp: -5,
            epoch: 9,
            rules: 2,
        };
        let bytes = encode(&position, b"the state");
        assert_eq!(decode(&bytes).unwrap(), (position, &b"the state"[..]));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged).is_err(), "byte {at}");
        }
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
