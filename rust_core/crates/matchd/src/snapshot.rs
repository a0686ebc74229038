//! Snapshots of acknowledged state in the object store, so that recovery need not read the whole journal.
//!
//! An object is a fixed head (magic, where in which journal, checksum) and the engine's canonical bytes. A snapshot is
//! believed only if its checksum holds *and* the journal has its record with its hash. A damaged one is passed over for
//! an older one; a sound one whose record is missing means that the journal was cut or replaced: refuse to start.
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

const MAGIC: &[u8; 8] = b"CIFTSNP1";
const HEAD_BYTES: usize = 8 + 8 + 32 + 8 + 8 + 4 + 32;
const PREFIX: &str = "snapshot-";

/// Where a snapshot stands in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub sequence: u64,
    pub hash: RecordHash,
    pub timestamp: i64,
    pub epoch: u64,
    pub rules: u32,
}

/// The object's bytes.
pub fn encode(place: &Place, state: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD_BYTES + state.len());
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&place.sequence.to_le_bytes());
    out.extend_from_slice(&place.hash);
    out.extend_from_slice(&place.timestamp.to_le_bytes());
    out.extend_from_slice(&place.epoch.to_le_bytes());
    out.extend_from_slice(&place.rules.to_le_bytes());
    let mut checksum = out.clone();
    checksum.extend_from_slice(state);
    out.extend_from_slice(&blake3(&checksum));
    out.extend_from_slice(state);
    out
}

/// Reads what [`encode`] wrote; the text says what is wrong.
pub fn decode(bytes: &[u8]) -> Result<(Place, &[u8]), &'static str> {
    if bytes.len() < HEAD_BYTES || &bytes[..8] != MAGIC {
        return Err("not a snapshot, or one of another version");
    }
    let (head, state) = bytes.split_at(HEAD_BYTES);
    let (fields, checksum) = head.split_at(HEAD_BYTES - 32);
    if blake3(&[fields, state].concat()) != checksum {
        return Err("checksum does not hold");
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
    let place = Place {
        sequence: u64::from_le_bytes(word(8)),
        hash,
        timestamp: i64::from_le_bytes(word(48)),
        epoch: u64::from_le_bytes(word(56)),
        rules: u32::from_le_bytes(rules),
    };
    Ok((place, state))
}

fn object_name(sequence: u64) -> String {
    format!("{PREFIX}{sequence:020}")
}

/// Names of the objects there are, newest first.
async fn names(journal: &Journal, shard: &str) -> Result<Vec<String>, Fault> {
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

/// Puts a snapshot and drops the oldest. Run in the background: nobody waits for it.
pub async fn upload(journal: &Journal, shard: &str, place: Place, state: Vec<u8>) -> Result<usize, Fault> {
    let bytes = encode(&place, &state);
    drop(state);
    crash::point("during_snapshot");
    let store = journal
        .context
        .get_object_store(&subject::snapshots(shard))
        .await
        .map_err(|e| nats("cannot open the bucket of snapshots")(e.into()))?;
    store
        .put(object_name(place.sequence).as_str(), &mut bytes.as_slice())
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

/// The newest snapshot that is sound and belongs to this journal; an empty replica where there is none.
pub async fn newest(journal: &Journal, shard: &str) -> Result<Replica, Fault> {
    for name in names(journal, shard).await? {
        let store = journal
            .context
            .get_object_store(&subject::snapshots(shard))
            .await
            .map_err(|e| nats("cannot open the bucket of snapshots")(e.into()))?;
        let mut bytes = Vec::new();
        let read = match store.get(&name).await {
            Ok(mut object) => object
                .read_to_end(&mut bytes)
                .await
                .map(|_| ())
                .map_err(|e| e.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let problem = match read {
            Err(error) => error,
            Ok(()) => match decode(&bytes) {
                Err(problem) => problem.to_owned(),
                Ok((place, state)) => {
                    belongs(journal, &name, &place).await?;
                    match Engine::restore(state) {
                        Err(error) => error.0.to_owned(),
                        Ok(engine) => {
                            let Place {
                                sequence,
                                hash,
                                timestamp,
                                epoch,
                                rules,
                            } = place;
                            return Ok(Replica::at(engine, sequence, hash, timestamp, epoch, rules));
                        }
                    }
                }
            },
        };
        log::warn("snapshot passed over", json!({"snapshot": name, "problem": problem}));
    }
    Ok(Replica::empty())
}

async fn belongs(journal: &Journal, name: &str, place: &Place) -> Result<(), Fault> {
    if place.sequence == 0 {
        return Ok(());
    }
    match journal.record(place.sequence).await? {
        Some(record) if blake3(&record) == place.hash => Ok(()),
        Some(_) => Err(Fault::Halt(format!(
            "{name} was taken after another record {} than the journal has: the journal was replaced; refusing to start",
            place.sequence
        ))),
        None => Err(Fault::Halt(format!(
            "{name} was taken after record {}, which the journal does not have: it was cut or replaced; refusing to start",
            place.sequence
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_comes_back_and_damage_is_seen() {
        let place = Place {
            sequence: 7,
            hash: [3; 32],
            timestamp: -5,
            epoch: 9,
            rules: 1,
        };
        let bytes = encode(&place, b"the state");
        assert_eq!(decode(&bytes).unwrap(), (place, &b"the state"[..]));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(decode(&damaged).is_err(), "byte {at}");
        }
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
    }
}
