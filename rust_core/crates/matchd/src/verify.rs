//! `matchd verify`: replays the whole journal from its first record and compares every event and state hash.
use crate::fault::Fault;
use crate::journal::Journal;
use crate::replica::Replica;
use crate::settings::Settings;
use crate::snapshot;
use futures_util::StreamExt;
use serde_json::{json, Value};
use std::io::Write;
use std::time::Instant;

/// Records between two progress lines and two full checks of the ledger.
const CHECK_EVERY_RECORDS: u64 = 2_000;

/// The state from which a replay starts: before the first record, or a snapshot of an archive whose oldest
/// segments were deleted.
async fn beginning(journal: &Journal) -> Result<Replica, Fault> {
    let Some(archive) = &journal.archive else {
        return Ok(Replica::empty());
    };
    let entries = archive.entries().await?;
    match (entries.first(), archive.snapshots().await?.first()) {
        (Some(entry), Some(&sequence)) if entry.first > 1 => {
            let bytes = archive.snapshot(sequence).await?;
            snapshot::replica(&bytes).map_err(Fault::Halt)
        }
        _ => Ok(Replica::empty()),
    }
}

/// Returns what was verified, as JSON. The error states where the journal differs.
///
/// Of an exchange that runs, `matchd` may delete the records that are to be read next, because the archive has
/// its full size. Then verification starts again from the archive's new beginning.
pub async fn verify(settings: &Settings) -> Result<Value, Fault> {
    let journal = Journal::open_read_only(settings, "matchd verify").await?;
    let mut start = beginning(&journal).await?;
    loop {
        let first = start.sequence;
        let fault = match verify_from(&journal, start).await {
            Ok(verified) => return Ok(verified),
            Err(fault) => fault,
        };
        start = beginning(&journal).await?;
        if start.sequence <= first {
            return Err(fault);
        }
        eprintln!(
            "the archive now begins at record {}: starting again",
            start.sequence + 1
        );
    }
}

async fn verify_from(journal: &Journal, mut replica: Replica) -> Result<Value, Fault> {
    let started = Instant::now();
    let tail = journal.tail().await?;
    let verified_from = replica.sequence + 1;
    let mut records = std::pin::pin!(journal.records(verified_from, tail.sequence));
    let check_ledger = |replica: &Replica| {
        replica.engine.check_conservation().map_err(|difference| {
            Fault::Halt(format!(
                "the ledger does not balance after record {}: {difference}",
                replica.sequence
            ))
        })
    };
    while let Some(record) = records.next().await {
        let (sequence, record) = record?;
        replica.replay(sequence, &record)?;
        if sequence % CHECK_EVERY_RECORDS == 0 {
            check_ledger(&replica)?;
            eprintln!("verified {sequence} of {} records", tail.sequence);
        }
    }
    check_ledger(&replica)?;
    let (hash, state) = replica.state();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let state_bytes = state.len();
    Ok(json!({
        "ok": true,
        "journal": journal.id,
        "first_record": verified_from,
        "records": replica.sequence,
        "commands": replica.engine.sequence(),
        "epoch": replica.epoch,
        "journal_bytes": tail.bytes,
        "state_hash": hash,
        "state_bytes": state_bytes,
        "took_ms": started.elapsed().as_millis() as u64,
    }))
}

/// Writes records `first..=last` as [`crate::segment`] stores them, without compression.
pub async fn write_records(settings: &Settings, first: u64, last: u64, out: &mut impl Write) -> Result<(), Fault> {
    let journal = Journal::open_read_only(settings, "matchd records").await?;
    let mut records = std::pin::pin!(journal.records(first, last));
    let failed = |error: std::io::Error| Fault::Halt(format!("cannot write the records: {error}"));
    while let Some(record) = records.next().await {
        let (sequence, record) = record?;
        out.write_all(&sequence.to_le_bytes()).map_err(failed)?;
        out.write_all(&(record.len() as u32).to_le_bytes()).map_err(failed)?;
        out.write_all(&record).map_err(failed)?;
    }
    out.flush().map_err(failed)
}
